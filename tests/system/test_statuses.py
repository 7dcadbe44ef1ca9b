# Every exit status of every command, as docs/commands.md lists them. Read on: row_test.py.
import os
import pathlib
import shutil
import signal
import subprocess

import harness
from harness import SLUICE, wait_for
from row_test import CHANGES, NOWHERE, PAGE, SharedServer


# What is told a lock by its token, and one that no lock has.
BY_TOKEN = ('renew', 'upgrade', 'downgrade', 'unlock')
STALE = '17-0123456789abcdef'


class Statuses(SharedServer):
    def stopped_commands(self):
        """All commands that ask a server, with what they would ask."""
        return {'ls': ['x'], 'stat': ['x'], 'cat': ['x/file0'], 'locks': [], 'ping': [],
                'watch': ['-r', '--from', '0'],
                'mkdir': ['new'], 'rm': ['x/file1'], 'mv': ['x/file2', 'moved'],
                'cp': ['x/file0', 'copy'], 'put': [self.note, 'put'],
                'get': ['x/file0', self.directory / 'got'], 'lock': ['x', '--', 'true'],
                'verify': ['x/file0'], 'sync': [self.note, ':x/file3'],
                **{name: [STALE] for name in BY_TOKEN}, 'lock-break': [17]}

    def documented(self, status):
        return {name for name in PAGE.commands if status in PAGE.rows[name, ''].exits}

    def provoke(self, status, cases, in_shell=(), **options):
        """Runs what has to end with that status: these commands and no others can."""
        self.assertEqual({*cases, *in_shell}, self.documented(status), f'exit status {status}')
        for command in in_shell:
            with self.subTest(command=command, status=status):
                self.refused(status, '-c', f'{command} none', **options)
        for command, arguments in cases.items():
            with self.subTest(command=command, status=status):
                self.refused(status, command, *arguments, **options)

    def test_all_are_known(self):
        for found in PAGE.rows.values():
            self.assertLessEqual(found.exits, PAGE.statuses, found)

    def test_done(self):
        self.assertEqual(self.documented(0), set(PAGE.commands))

    def test_output_that_cannot_be_written(self):
        self.tree()
        self.config = self.directory / 'sluice.conf'
        self.config.write_text('[lab]\nendpoint = tcp://lab.example:5970\n')
        cases = {**self.stopped_commands(), 'servers': [], 'version': [], 'help': []}
        # It never prints anything.
        del cases['unlock']
        self.assertEqual(set(cases), self.documented(1))
        # It prints nothing of its own; this machine fails it by having no more processes.
        del cases['lock']
        token = self.ok('lock', '--owner', 'me', '--ttl', '1h', '--shared', 'b').strip()
        self.addCleanup(self.sluice, 'unlock', token)
        cases.update({name: [token] for name in BY_TOKEN if name in cases})
        other = self.ok('lock', '--owner', 'me', '--ttl', '1h', 'c').strip()
        cases['lock-break'] = [other]
        holder, _ = self.hold('a')
        for command, arguments in cases.items():
            with self.subTest(command=command), open('/dev/full', 'wb') as full:
                done = subprocess.run([str(SLUICE), '--json', command, *map(str, arguments)],
                                      stdout=full, stderr=subprocess.PIPE, check=False,
                                      stdin=subprocess.DEVNULL, env=self.environment())
                self.assertEqual(done.returncode, 1)
                self.assertEqual(self.error_object(done.stderr.decode())['path'],
                                 'standard output')
        self.end(holder)

    def test_usage(self):
        self.assertEqual(self.documented(2), set(PAGE.commands))
        for command in PAGE.commands:
            self.refused(2, command, '--nonsense', says="'--nonsense'", server=NOWHERE)

    def test_not_found(self):
        self.provoke(3, {'ls': ['none'], 'stat': ['none'], 'cat': ['none'], 'mkdir': ['none/d'],
                         'rm': ['none'], 'mv': ['none', 'a'], 'cp': ['none', 'a'],
                         'put': [self.note, 'none/a'], 'get': ['none', self.directory / 'a'],
                         'verify': ['none'], 'sync': [':none', self.directory / 'a'],
                         'lock-break': [1]}, in_shell=BY_TOKEN)

    def test_wrong_kind(self):
        self.tree()
        beneath = 'x/file0/beneath'
        self.provoke(4, {'ls': [beneath], 'stat': [beneath], 'cat': ['x'], 'mkdir': ['x'],
                         'rm': ['x'], 'mv': ['x/file1', beneath], 'cp': ['x', 'copy'],
                         'put': [self.note, beneath], 'get': ['x', self.directory / 'a'],
                         'verify': ['x'], 'sync': [self.note, f':{beneath}']}, says='x')

    def test_locked(self):
        self.tree()
        holders = [self.hold('--shared', '--tree', '.') for _ in range(2)]
        self.provoke(5, {**{name: self.stopped_commands()[name] for name in (*CHANGES, 'sync')},
                         'lock': ['x', '--', 'true'], 'upgrade': [holders[0][1]]},
                     says='is locked')
        for holder, _ in holders:
            self.end(holder)

    def test_lock_not_held(self):
        self.tree()
        holder, token = self.hold('elsewhere')
        self.end(holder)
        cases = {name: ['--token', token, *self.stopped_commands()[name]]
                 for name in (*CHANGES, 'sync')}
        cases.update({name: [token] for name in BY_TOKEN})
        # `lock` itself: test_lock_ttl.
        self.assertEqual({*cases, 'lock'}, self.documented(6))
        for command, arguments in cases.items():
            self.refused(6, command, *arguments, says='lock')

    def test_damaged(self):
        self.put_text('a', 'stored')
        (self.main.root / 'a').write_text('edited')
        self.provoke(9, {'cat': ['a'], 'cp': ['a', 'b'], 'get': ['a', self.directory / 'a'],
                         'verify': ['a'], 'sync': [':a', self.directory / 'a']}, says='a: ')

    def test_unreachable(self):
        endpoint = f'ipc://{self.directory}/nothing'
        running = {command: self.start_sluice(command, *arguments, server=endpoint)
                   for command, arguments in self.stopped_commands().items()}
        self.assertEqual(set(running), self.documented(8))
        for command, process in running.items():
            with self.subTest(command=command):
                self.assertEqual(process.wait(20), 8)
                self.assertRegex(process.log_text(), rf'\Asluice: {endpoint}: [^\n]+\n\Z')

    def test_interrupted(self):
        self.tree()
        self.main.process.signal(signal.SIGSTOP)
        try:
            commands = self.stopped_commands()
            self.assertEqual(set(commands), self.documented(130))
            # One after another: of many at once the last may find the server unreachable.
            for command, arguments in commands.items():
                with self.subTest(command=command):
                    process = self.start_sluice(command, *arguments)
                    wait_for(lambda process=process: blocks_interrupts(process.pid), 10, 'a start')
                    process.signal(signal.SIGINT)
                    self.assertEqual(process.wait(5), 130)
                    self.assertRegex(process.log_text(), r'\Asluice: [^\n]+\n\Z')
        finally:
            self.main.process.signal(signal.SIGCONT)


def blocks_interrupts(pid):
    for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('SigBlk:'):
            return int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1
    return False


class Denied(harness.SystemTest):
    def test_denied(self):
        """A server that may not do everything, as those of root may."""
        self.directory.chmod(0o777)
        program = self.directory / 'sluiced'
        shutil.copy(harness.SLUICED, program)
        server = self.server(start=False, prefix=harness.as_nobody(), program=program)
        closed = server.root / 'closed'
        closed.mkdir()
        (server.root / 'file').write_text('file')
        (closed / 'file').write_text('closed')
        for path in (server.root, server.root / 'file', closed, closed / 'file'):
            if harness.as_nobody():
                os.chown(path, harness.NOBODY, harness.NOBODY)
        closed.chmod(0)
        server.start()
        cases = {'ls': ['closed'], 'stat': ['closed/file'], 'cat': ['closed/file'],
                 'mkdir': ['closed/d'], 'rm': ['closed/file'], 'mv': ['file', 'closed/file'],
                 'cp': ['file', 'closed/file'], 'put': [self.note, 'closed/a'],
                 'get': ['closed/file', self.directory / 'a'], 'verify': ['closed/file'],
                 'sync': [self.note, ':closed/a']}
        self.assertEqual(set(cases),
                         {name for name in PAGE.commands if 7 in PAGE.rows[name, ''].exits})
        for command, arguments in cases.items():
            with self.subTest(command=command):
                self.refused(7, command, *arguments, says='closed')
        closed.chmod(0o755)


if __name__ == '__main__':
    harness.main()
