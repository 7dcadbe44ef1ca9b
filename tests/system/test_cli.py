# The command line: what it prints, where copies go, how it is interrupted, and what `lock` gives
# back. What the server does is tested elsewhere (test_trees, test_errors, test_locks).
import json
import os
import signal
import socket
import subprocess
import time

import harness
from harness import MIB, SLUICE, wait_for

COMMANDS = ['ls', 'stat', 'cat', 'mkdir', 'rm', 'mv', 'cp', 'put', 'get', 'lock', 'locks', 'watch',
            'ping', 'servers', 'version']


class Help(harness.SystemTest):
    def run_without_server(self, *arguments):
        return self.sluice(*arguments, server='ipc:///nowhere')

    def test_every_command_has_help_with_an_example(self):
        listed = self.run_without_server('--help').out
        for command in COMMANDS:
            result = self.run_without_server(command, '--help')
            self.assertEqual((result.status, result.err), (0, ''), command)
            self.assertRegex(result.out, rf'Usage: sluice .*{command}')
            self.assertRegex(result.out, rf'(?s)Examples:.*sluice .*{command}')
            self.assertRegex(listed, rf'(?m)^  {command} ')

    def test_mistakes(self):
        for arguments, says in [(('nonsense',), "'nonsense'"),
                                (('put', 'a'), 'put'), (('ls', '--nonsense'), '--nonsense'),
                                (('lock', 'a'), "'--'"), (('lock', 'a', '--'), "'--'"),
                                (('rm', 'a', '--wait', 'long'), 'long'),
                                (('put', 'a'), 'LOCAL... REMOTE'), (('stat',), 'PATH'),
                                (('put', '-dash', 'y'), "no option '-d'"),
                                (('lock', '--', 'true'), 'PATH')]:
            result = self.refused(2, *arguments, server='ipc:///nowhere', says=says)
            self.assertIn('--help', result.err)
        result = self.run_without_server('ls', '--json', '--nonsense')
        self.assertEqual(json.loads(result.err)['exit'], 2)


class Output(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.server()

    def test_ls(self):
        self.ok('mkdir', '-p', 'd/z/deep')
        for name in ['d/b', 'd/a', 'd/z/c']:
            self.put_text(name, name)
        self.assertEqual(self.ok('ls'), 'd/\n')
        self.assertEqual(self.ok('ls', '.'), 'd/\n')
        self.assertEqual(self.ok('ls', 'd/'), 'a\nb\nz/\n')
        self.assertEqual(self.ok('ls', '-R', 'd'), 'd/a\nd/b\nd/z/\nd/z/c\nd/z/deep/\n')
        self.assertEqual(self.ok('ls', 'd/a'), 'd/a\n')
        lines = self.ok('ls', '-l', 'd').splitlines()
        self.assertRegex(lines[0], r'\A-rw-r--r-- +3 \d{4}-\d\d-\d\d \d\d:\d\d +v\d+ a\Z')
        self.assertRegex(lines[2], r'\Adrwxr-xr-x .* z/\Z')

    def test_ls_of_many(self):
        (self.main.root / 'many').mkdir()
        for i in range(10_500):
            (self.main.root / 'many' / str(i)).touch()
        for flags in [(), ('-R',), ('-l',)]:
            names = [line.split()[-1].split('/')[-1]
                     for line in self.ok('ls', *flags, 'many').splitlines()]
            self.assertEqual(sorted(names, key=int), [str(i) for i in range(10_500)])

    def test_odd_names(self):
        names = ['[a,b]', '[]', '{}', '++', '%%', 'a b', '-x', 'quote"d', 'back\\slash',
                 'new\nline']
        for name in names:
            self.ok('put', '--', self.note, name)
        self.assertEqual(sorted(entry['path'] for entry in self.json('ls')), sorted(names))
        self.ok('rm', '--', *names)
        self.assertEqual(self.ok('ls'), '')
        self.ok('mkdir', '--', '-dd')
        self.ok('put', '--', self.note, '-dd')
        self.assertEqual(self.ok('ls', '--', '-dd'), 'note\n')
        [lock] = self.json('lock', '--', '-dd', '--', 'sluice', '--json', 'locks', '--', '-dd')
        self.assertEqual(lock['claims'][0]['path'], '-dd')

    def test_names_are_escaped_on_a_terminal(self):
        self.ok('put', self.note, 'x\x1b[2J')
        terminal, other = os.openpty()
        subprocess.run([str(SLUICE), 'ls'], stdout=other, stdin=subprocess.DEVNULL, check=True,
                       env=self.environment())
        self.assertEqual(os.read(terminal, 100), b'x\\x1b[2J\r\n')
        os.close(terminal)
        os.close(other)

    def test_output_that_cannot_be_written(self):
        self.put_text('a', 'text')
        for command in [('ls',), ('cat', 'a'), ('--help',)]:
            with open('/dev/full', 'wb') as full:
                done = subprocess.run([str(SLUICE), *command], stdout=full, stderr=subprocess.PIPE,
                                      env=self.environment(), check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b'standard output', done.stderr)

    def run_closed(self, which, *arguments):
        """The client with a standard stream closed, not empty; "<" or ">" says which."""
        return subprocess.run(['sh', '-c', f'"$@" {which}&-', 'sh', str(SLUICE), *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.environment(), check=False)

    def test_closed_output(self):
        self.put_text('a', 'text')
        for command in [('ls',), ('ls', '-l'), ('cat', 'a'), ('get', 'a', '-'), ('stat', 'a'),
                        ('ping',), ('version',), ('--json', 'ls'), ('--help',),
                        ('ls', '--help'), ('--version',)]:
            done = self.run_closed('>', *command)
            self.assertEqual(done.returncode, 1, command)
            self.assertRegex(done.stderr, r'\A[^\n]*standard output[^\n]*\n\Z', command)
        self.assertEqual(self.run_closed('2>', 'cat', 'none').returncode, 3)
        # What writes nothing does not need it.
        self.assertEqual(self.run_closed('>', 'mkdir', 'made').returncode, 0)

    def test_closed_input_is_not_an_empty_file(self):
        self.put_text('a', 'text')
        done = self.run_closed('<', 'put', '-', 'a')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r'\A[^\n]*standard input[^\n]*\n\Z')
        self.assertEqual(self.cat('a'), 'text')

    def test_reader_that_goes_away(self):
        large = self.directory / 'large'
        large.write_bytes(os.urandom(4 * MIB))
        self.ok('put', large, 'large')
        process = self.start_sluice('cat', 'large')
        process.popen.stdout.read(10)
        process.popen.stdout.close()
        self.assertEqual(process.wait(10), -signal.SIGPIPE)
        self.assertEqual(process.log_text(), '')
        self.assert_no_litter()


class Targets(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.server()
        self.other = self.directory / 'other'
        self.other.write_text('other\n')
        self.ok('mkdir', 'd')

    def test_put(self):
        self.ok('put', self.note, 'd')
        self.ok('put', self.note, self.other, 'd/')
        self.ok('put', self.note, '.')
        self.ok('put', self.note, '.')
        self.refused(2, 'put', self.note, '', says='an argument is empty')
        self.assertEqual(self.ok('ls', '-R'), 'd/\nd/note\nd/other\nnote\n')
        self.refused(4, 'put', self.note, self.other, 'none', says='several')
        self.refused(4, 'put', self.note, self.other, 'note', says='several')
        self.refused(4, 'put', self.note, 'note/')
        self.refused(3, 'put', self.note, 'none/')
        self.refused(2, 'put', self.note, self.note, 'd', says='same name')
        self.refused(4, 'put', '-', 'd', input=b'x')
        self.refused(2, 'put', '-', self.note, 'd', input=b'x')
        self.refused(4, 'put', self.directory, 'd', says='-r')

    def test_put_of_a_pipe(self):
        self.ok('put', '/dev/stdin', 'piped', input=b'from a pipe')
        self.assertEqual(self.cat('piped'), 'from a pipe')

    def test_get(self):
        for name in ['a', 'b', 'd/c']:
            self.put_text(name, name)
        there = self.directory / 'there'
        self.refused(4, 'get', 'a', 'b', there, says='several')
        there.mkdir()
        self.ok('get', 'a', 'b', there)
        self.ok('get', 'd/c', f'{there}/')
        self.assertEqual(sorted(os.listdir(there)), ['a', 'b', 'c'])
        self.refused(4, 'get', 'd', there)
        self.assertEqual(self.ok('get', 'a', 'd/c', '-'), 'ad/c')
        self.ok('get', '-r', '.', there)
        self.assertEqual((there / 'd' / 'c').read_text(), 'd/c')
        result = self.sluice('get', 'none', 'b', there)
        self.assertEqual(result.status, 3)
        self.assertEqual((there / 'b').read_text(), 'b')

    def test_trees_and_their_contents(self):
        tree = self.directory / 'tree'
        tree.mkdir()
        (tree / 'f').write_text('f')
        self.ok('put', '-r', tree, 'new')
        self.ok('put', '-r', f'{tree}/', 'd')
        self.ok('put', '-r', '.', 'd', cwd=tree)
        self.assertEqual(self.ok('ls', '-R'), 'd/\nd/f\nd/tree/\nd/tree/f\nnew/\nnew/f\n')
        self.refused(3, 'put', '-r', tree, 'none/new')
        kept = self.sluice('put', '-r', '-n', tree, 'd')
        self.assertEqual((kept.status, kept.out), (0, ''))
        self.assertIn('1 there already and kept', kept.err)
        kept = self.sluice('get', '-r', '-n', 'new', self.directory / 'new')
        self.assertEqual((kept.status, kept.err), (0, ''))
        kept = self.sluice('get', '-r', '-n', 'new/', f'{self.directory}/')
        self.assertEqual(kept.status, 0)
        self.assertIn('1 there already and kept', kept.err)

    def test_mode_goes_with_a_file(self):
        self.note.chmod(0o751)
        self.ok('put', self.note, 'm')
        self.assertEqual(self.json('stat', 'm')[0]['mode'], '0751')
        self.ok('get', 'm', self.directory / 'back')
        self.assertEqual((self.directory / 'back').stat().st_mode & 0o7777, 0o751)


class Interrupted(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.server()
        self.large = self.directory / 'large'
        with open(self.large, 'wb') as file:
            for _ in range(64):
                file.write(os.urandom(4 * MIB))

    def interrupt(self, process, number=signal.SIGINT):
        process.signal(number)
        self.assertEqual(process.wait(5), 130)
        self.assertRegex(process.log_text(), r'\Asluice: [^\n]*\n\Z')

    def test_put(self):
        process = self.start_sluice('put', self.large, 'large')
        wait_for(lambda: any(self.main.own('staging').iterdir()), 10, 'an upload begun')
        self.interrupt(process)
        self.refused(3, 'stat', 'large')
        self.assert_no_litter()

    def test_put_of_standard_input(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start_sluice('put', '-', 'slow', stdin=subprocess.PIPE)
            time.sleep(0.3)
            self.interrupt(process, number)
        self.refused(3, 'stat', 'slow')

    def test_at_any_moment_of_the_start(self):
        for i in range(20):
            process = self.start_sluice('put', '-', 'slow', stdin=subprocess.PIPE)
            time.sleep(0.01 * i)
            process.signal(signal.SIGTERM)
            # Ended before it could look after signals, or stopped in good order.
            self.assertIn(process.wait(5), (-signal.SIGTERM, 130))
        self.refused(3, 'stat', 'slow')

    def test_get(self):
        self.ok('put', self.large, 'large')
        there = self.directory / 'there'
        there.mkdir()
        process = self.start_sluice('get', 'large', there)
        wait_for(lambda: list(there.iterdir()), 10, 'a download begun')
        self.interrupt(process)
        self.assertEqual(list(there.iterdir()), [])
        self.assert_no_litter()

    def test_cat_into_a_pipe_nobody_reads(self):
        self.ok('put', self.large, 'large')
        process = self.start_sluice('cat', 'large')
        wait_for(lambda: any(self.main.own('snapshots').iterdir()), 10, 'a download begun')
        time.sleep(0.3)
        self.interrupt(process)
        self.assert_no_litter()

    def test_waiting_for_a_lock(self):
        holder = self.start_sluice('lock', 'a', '--', 'sleep', '20')
        wait_for(lambda: self.json('locks'), 10, 'the lock')
        for command in (['put', '--wait', '20', self.note, 'a'],
                        ['lock', '--wait', '20', 'a', '--', 'true']):
            process = self.start_sluice(*command)
            wait_for(lambda: any(lock['state'] == 'waiting' for lock in self.json('locks')), 10,
                     'a waiter')
            self.interrupt(process)
            wait_for(lambda: len(self.json('locks')) == 1, 5, 'the waiter gone')
        self.assertTrue(holder.running())


class LockCommand(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.server()

    def test_status_is_that_of_the_command(self):
        script = self.directory / 'script'
        script.write_text('no program\n')
        for status, command in [(0, ['true']), (7, ['sh', '-c', 'exit 7']),
                                (143, ['sh', '-c', 'kill -TERM $$']),
                                (127, ['no-such-command']), (126, [str(script)])]:
            self.assertEqual(self.sluice('lock', 'a', '--', *command).status, status, command)
            self.assertEqual(self.json('locks'), [])
        self.refused(127, 'lock', 'a', '--', 'no-such-command', says='no such command')
        self.refused(126, 'lock', 'a', '--', script, says='cannot be run')
        result = self.sluice('--json', 'lock', 'a', '--', 'no-such-command')
        self.assertEqual(json.loads(result.err)['exit'], 127)

    def test_the_command_gets_signals_as_they_came(self):
        for number, name in [(signal.SIGINT, 'INT'), (signal.SIGTERM, 'TERM')]:
            process = self.start_sluice(
                'lock', 'a', '--', 'sh', '-c',
                f'trap "exit 9" {name}; echo ready; while :; do sleep 0.05; done')
            self.assertEqual(process.popen.stdout.readline(), b'ready\n')
            process.signal(number)
            self.assertEqual(process.wait(5), 9)
            self.assertEqual(self.json('locks'), [])

    def test_the_command_starts_with_clean_signals(self):
        look = ['grep', '-E', 'SigBlk|SigIgn', '/proc/self/status']

        def standard_signals(out):
            # Real-time signals above 32 belong to the C library.
            return [int(line.split()[1], 16) & 0x7fffffff for line in out.splitlines()]

        # What nohup or a shell's '&' ignores for us stays ignored for the command, nothing else.
        plain = subprocess.run(look, capture_output=True, text=True, check=True).stdout
        self.assertEqual(standard_signals(self.ok('lock', 'a', '--', *look)),
                         standard_signals(plain))

    def test_a_lost_lock_ends_the_command(self):
        process = self.start_sluice(
            'lock', '--ttl', '2', 'a', '--', 'sh', '-c',
            'trap "echo told; exit 3" TERM; while :; do sleep 0.05; done')
        wait_for(lambda: self.json('locks'), 10, 'the lock')
        process.signal(signal.SIGSTOP)
        wait_for(lambda: not self.json('locks'), 10, 'the lock lost')
        process.signal(signal.SIGCONT)
        result = process.output(5)
        self.assertEqual((result.status, result.out), (6, 'told\n'))
        self.assertRegex(result.err, r'\Asluice: a: [^\n]*\n\Z')

    def test_a_server_that_goes_away_ends_the_command(self):
        process = self.start_sluice('lock', '--ttl', '2', 'a', '--', 'sleep', '30')
        wait_for(lambda: self.json('locks'), 10, 'the lock')
        self.main.kill()
        self.assertEqual(process.wait(10), 6)


class Pipes(harness.SystemTest):
    def test_a_pipe_nobody_reads_is_waited_for_until_stopped(self):
        self.server()
        self.put_text('file', 'text\n')
        pipe = self.directory / 'pipe'
        os.mkfifo(pipe)
        reader = self.spawn('cat', pipe)
        self.ok('get', 'file', pipe)
        self.assertEqual(reader.output(10).out, 'text\n')
        client = self.start_sluice('get', '--progress', 'file', pipe)
        harness.wait_for(lambda: client.log_text(), 10, 'it has begun')
        client.signal(signal.SIGTERM)
        self.assertEqual(client.wait(5), 130)
        self.assertIn('nobody reads the pipe', client.log_text())

    def test_a_pipe_is_put_and_what_may_have_no_end_is_not(self):
        self.server()
        pipe, listening = self.directory / 'pipe', self.directory / 'socket'
        os.mkfifo(pipe)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(listening))
        link = self.directory / 'link'
        link.symlink_to('/dev/zero')
        for options in ((), ('-r',)):
            for named, says in (('/dev/zero', 'a device on'), (link, 'a device on'),
                                (listening, 'a socket on')):
                self.refused(4, 'put', *options, named, 'x', says=[f'{named}: ', says])
            writer = self.spawn('sh', '-c', f'echo text > {pipe}')
            self.ok('put', '-q', *options, pipe, 'x')
            self.assertEqual((writer.wait(10), self.cat('x')), (0, 'text\n'))
            self.ok('put', *options, '/dev/null', 'empty')
            self.assertEqual(self.cat('empty'), '')
            self.ok('rm', 'x', 'empty')
        self.refused(4, 'sync', '/dev/zero', ':x', says='/dev/zero: is not a regular file')
        self.assertEqual(self.ok('ls'), '')


if __name__ == '__main__':
    harness.main()
