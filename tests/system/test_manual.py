# The man pages and the completions of sluiced and sluice-worker say what `--help` says: every
# option, and none that is not there. And the formatter has nothing to complain about in a page.
import re
import shutil
import subprocess

import harness
from harness import BUILD, SLUICE, SLUICED, SOURCE, WORKER

PAGES = ['sluice.1', 'sluice.conf.5', 'sluiced.8', 'sluice-worker.8', 'sluice_protocol.7']
COMPLETIONS = SOURCE / 'packaging' / 'completions'
# What help and page of every command have in common, told once in the page.
EVERYWHERE = {'-h', '--help', '--server', '--json', '--version'}
CHANGE = {'--token', '--wait'}


def help_of(program, *command):
    return subprocess.run([program, *command, '--help'], capture_output=True, text=True,
                          check=True).stdout


def options_in(text):
    """Options where --help lists them, at the beginning of lines."""
    found = set()
    for line in re.findall(r'(?m)^ {1,3}(-[^ ]+)', text):
        found.update(line.split(','))
    return found


def commands_in(text):
    """The list that help prints."""
    return set(re.findall(r'(?m)^  ([a-z-]+) ', text.partition('Subcommands:')[2]))


def source_of(page):
    return (SOURCE / 'docs' / 'man' / f'{page}.scd').read_text()


def options_of_page(text):
    return set(re.findall(r'\*(-[-a-zA-Z]+)\*', ''.join(re.findall(r'(?m)^\*-.*$', text))))


class Manual(harness.SystemTest):
    def check_commands(self, section, listed, common, help_of_one):
        described = re.findall(r'(?ms)^## ([a-z-]+)( [^\n]*|)\n(.*?)(?=^## |\Z)', section)
        self.assertEqual(sorted(name for name, _, _ in described), sorted(listed))
        for name, usage, text in described:
            help_text = help_of_one(name)
            options = options_in(help_text) - EVERYWHERE
            with self.subTest(command=name):
                if CHANGE <= options:
                    self.assertIn(f'*{name}*', common)
                    options -= CHANGE
                self.assertEqual(options_of_page(text), options)
                self.assertRegex(help_text, rf'(?m)^Usage:.* {re.escape(name + usage)}$')

    def test_every_command_and_option_of_sluice(self):
        page = source_of('sluice.1')
        general, _, rest = page.partition('# COMMON OPTIONS OF CHANGES')
        common, _, rest = rest.partition('# COMMANDS')
        commands, _, rest = rest.partition('# SHELL COMMANDS')
        of_shell = rest.partition('# EXIT STATUS')[0]
        helped = help_of(SLUICE)
        self.assertEqual(options_of_page(general), options_in(helped))
        self.assertEqual(options_of_page(common), CHANGE)
        listed = commands_in(helped)
        self.assertGreater(len(listed), 10)
        self.check_commands(commands, listed, common, lambda name: help_of(SLUICE, name))
        in_shell = commands_in(self.run_in_shell('help')) - listed
        self.assertGreater(len(in_shell), 5)
        self.check_commands(of_shell, in_shell, common,
                            lambda name: self.run_in_shell(f'help {name}'))

    @staticmethod
    def run_in_shell(line):
        return subprocess.run([SLUICE, '-c', line], capture_output=True, text=True,
                              check=True).stdout

    def test_every_option_of_the_servers(self):
        for program, page in ((SLUICED, 'sluiced.8'), (WORKER, 'sluice-worker.8')):
            self.assertEqual(options_of_page(source_of(page)), options_in(help_of(program)), page)

    def test_every_key_of_the_configuration(self):
        page = source_of('sluice.conf.5').partition('# KEYS OF A SECTION')[2]
        config = self.directory / 'conf'
        config.write_text('[x]\nnone = 1\n')
        told = subprocess.run(
            [SLUICE, 'servers'], env={'SLUICE_CONFIG': str(config)}, capture_output=True,
            text=True, check=False).stderr
        keys = re.search(r'there are ([a-z_, ]+ and [a-z_]+)', told)[1]
        self.assertEqual(re.findall(r'(?m)^\*([a-z_]+)\*$', page), re.split(', | and ', keys))

    def test_examples_of_configuration_are_valid(self):
        example = SOURCE / 'packaging' / 'config' / 'sluice.conf'
        done = subprocess.run([SLUICE, 'servers'], env={'SLUICE_CONFIG': str(example)}, text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn('* here', done.stdout)
        config = (SOURCE / 'packaging' / 'config' / 'sluiced.conf').read_text()
        # Also what is commented out, on a directory of ours.
        config = re.sub(r'(?m)^#(?=[a-z-]+ = )', '', config)
        config = config.replace('/var/lib/sluice/files', str(self.directory))
        config = re.sub('tcp://.*:5970', 'tcp://127.0.0.1:*', config)
        config = config.replace('/run/sluice', str(self.directory))
        (self.directory / 'sluiced.conf').write_text(config)
        server = self.spawn(SLUICED, '--config', self.directory / 'sluiced.conf')
        line = server.popen.stdout.readline().decode()
        self.assertRegex(line, r'sluiced ready tcp://127.0.0.1:\d+ ipc://.*/workers')

    def test_completion_of_the_servers_knows_every_option(self):
        for program in (SLUICED, WORKER):
            helped = options_in(help_of(program))
            bash = (COMPLETIONS / 'bash' / program.name).read_text()
            words = re.search(r"(?:options=|-W )'(--[^']*)'", bash)[1].split()
            self.assertEqual(set(words), helped - {'-h'})
            zsh = (COMPLETIONS / 'zsh' / f'_{program.name}').read_text()
            self.assertEqual(set(re.findall(r"'(?:\*|\(- \*\))?(--[a-z-]+)\[", zsh)) | {'--help'},
                             helped - {'-h'})
            fish = (COMPLETIONS / 'fish' / f'{program.name}.fish').read_text()
            self.assertEqual({f'--{name}' for name in re.findall(r' -l ([a-z-]+)', fish)},
                             helped - {'-h'})

    def test_the_formatter_has_no_complaints(self):
        if shutil.which('groff') is None:
            self.skipTest('groff is not installed')
        for page in PAGES:
            # On one page, as man shows it: a cell must not be told to be longer than a page.
            text = '.pl 32767v\n' + (BUILD / 'docs' / 'man' / page).read_text()
            for width in (60, 80, 120):
                done = subprocess.run(['groff', '-man', '-t', '-Kutf8', '-Tutf8', '-ww', '-z',
                                       f'-rLL={width}n'], input=text, capture_output=True,
                                      text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ''), f'{page}, {width}')

    def test_the_protocol_is_whole(self):
        page = (BUILD / 'docs' / 'man' / 'sluice_protocol.7').read_text()
        text = re.sub(r'\\f.|\\(?=.)', '', page)
        document = (SOURCE / 'docs' / 'protocol.md').read_text()
        for heading in re.findall(r'(?m)^###? (.*)$', document):
            self.assertIn(heading.replace('`', '').lower(), text.lower())
        for key in re.findall(r'(?m)^\| `([a-z_]+)`', document):
            self.assertIn(key, text)


if __name__ == '__main__':
    harness.main()
