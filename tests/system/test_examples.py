# The examples of every `sluice COMMAND --help`, run as they stand, where what they name is there.
import os
import re

import harness
from commands_page import Page

PAGE = Page()
# What an example calls besides sluice, as scripts that do something like it.
PROGRAMS = {'less': 'cat', 'head': 'cat', 'make-report': 'echo report',
            'rebuild-results': 'test -n "$SLUICE_LOCK_TOKEN"'}
# They make what the others need, or ask a server that only they know.
WITHOUT_FILES = ('sluice mkdir',)
ELSEWHERE = 'files.example'
# What examples call the token and the number of a lock that is held.
TOKEN = '17-0123456789abcdef'
NUMBER = re.compile(r' 17$')


class Examples(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.server()
        self.here = self.directory / 'here'
        (self.here / 'build').mkdir(parents=True)
        (self.here / 'build' / 'program').write_text('program\n')
        (self.here / 'backup').mkdir()
        (self.here / 'today.csv').write_text('1,2\n')
        (self.here / 'new').write_text('new\n')
        self.stored = self.directory / 'stored'
        for name in ('today', 'today.csv', 'new', 'old', 'older'):
            path = self.stored / 'results' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'{name}\n')
        (self.stored / 'archive').mkdir()
        for name, does in PROGRAMS.items():
            program = self.here / name
            program.write_text(f'#!/bin/sh\n{does}\n')
            program.chmod(0o755)

    @staticmethod
    def examples_of(text):
        """Lines of the examples; one that ends with a backslash goes on."""
        text = text.replace('\\\n', ' ')
        after = re.search(r'(?s)\nExamples?:\s(.*)\Z', text).group(1)
        return [line.strip() for line in after.splitlines() if line.strip()]

    def begin(self, example):
        for lock in self.json('locks'):
            self.ok('lock-break', lock['number'])
        for entry in self.json('ls'):
            self.ok('rm', '-r', entry['path'])
        if not example.startswith(WITHOUT_FILES):
            self.ok('put', '-r', self.stored / 'results', self.stored / 'archive', '.')

    def filled(self, example):
        """The example with the token or number of a lock that is held, where it names one."""
        if TOKEN not in example and not NUMBER.search(example):
            return example
        shared = ['--shared'] if 'upgrade' in example else []
        token = self.ok('lock', '--owner', 'nightly', '--ttl', '1h', *shared, 'held').strip()
        return NUMBER.sub(' ' + token.split('-')[0], example.replace(TOKEN, token))

    def test_examples(self):
        self.config = self.directory / 'sluice.conf'
        self.config.write_text(f'[lab]\nendpoint = {self.main.endpoint}\n')
        environment = self.environment()
        environment['PATH'] = f'{self.here}{os.pathsep}{environment["PATH"]}'
        for command in PAGE.commands:
            examples = self.examples_of(self.ok(command, '--help'))
            self.assertTrue(any(f'sluice {command}' in example or ELSEWHERE in example
                                for example in examples), examples)
            for example in examples:
                if ELSEWHERE in example:
                    continue
                with self.subTest(example=example):
                    self.begin(example)
                    process = self.spawn('sh', '-ec', self.filled(example), cwd=self.here,
                                         env=environment,
                                         name=f'example-{self.count}')
                    result = process.output(20)
                    self.assertEqual((result.status, result.err), (0, ''))

    def test_there_is_one_of_all(self):
        for example in self.examples_of(self.ok('--help')):
            self.assertTrue(example.startswith('sluice '), example)


if __name__ == '__main__':
    harness.main()
