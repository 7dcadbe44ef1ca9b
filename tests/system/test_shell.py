# The shell as its user meets it: on a driven terminal, and with commands from -c and from a pipe.
# Screens are kept as text in screens/ (see terminal.py).
import json
import os
import signal
import subprocess
import threading
import time

import harness
import wire
from harness import SLOWNESS, SLUICE, SystemTest, figure, wait_for
from terminal import Terminal, compare_screen

PROMPT = r'^sluice clients0\.sock /\S*( \[\d+ locks?\])?>'
READY = PROMPT + r'\Z'
NUMBER = (r'\b(Lock|lock|unlock) \d+', r'\1 N')


class ShellTest(SystemTest):

    def shell(self, *arguments, columns=80):
        self.count += 1
        terminal = Terminal(self.directory, [SLUICE, *arguments], self.environment(),
                            f'shell{self.count}', columns)
        self.addCleanup(terminal.close)
        terminal.wait(PROMPT)
        return terminal

    def ready(self, terminal, seconds=10):
        terminal.wait(READY, seconds)
        return terminal


class OnATerminal(ShellTest):

    def setUp(self):
        super().setUp()
        self.server()

    def test_completion(self):
        self.ok('mkdir', 'my results')
        self.ok('mkdir', 'notes')
        for name in ('january 2024.csv', 'february 2024.csv', 'größe.txt'):
            self.put_text(f'my results/{name}', f'{name}\n')
        terminal = self.shell()
        terminal.type('cat my').press('Tab').wait(r'cat my\\ results/$')
        terminal.type('j').press('Tab').wait(r'january\\ 2024\.csv$')
        terminal.press('Enter').wait(r'^january 2024\.csv$')
        self.ready(terminal)
        terminal.type('cat "my results/gr').press('Tab').wait(r'größe\.txt"$')
        terminal.press('Enter').wait(r'^größe\.txt$')
        self.ready(terminal).type('ls my').press('Tab').wait(r'ls my\\ results/$')
        terminal.press('Tab').wait(r'^february 2024\.csv +größe\.txt +january 2024\.csv$')
        terminal.press('C-c').wait(r'\^C\n' + PROMPT)
        terminal.type('put no').press('Tab').wait(r'put note$')
        terminal.type('no').press('Tab').wait(r'put note notes/$')
        terminal.press('Enter')
        self.ready(terminal).type('unl').press('Tab').wait(r'> unlock$')
        compare_screen(self, 'completion', terminal.screen(), [(r'1 file, .*', '1 file, ...')])

    def test_history_over_two_sessions(self):
        first = self.shell()
        self.ready(first.run('pwd'))
        self.ready(first.run('ls -l'))
        first.press('C-d')
        self.assertEqual(first.exit_status(), 0)
        self.assertEqual((self.directory / '.local/state/sluice/history').read_text(),
                         'pwd\nls -l\n')
        second = self.shell()
        second.press('Up').wait('> ls -l$')
        second.press('Up').wait('> pwd$')
        second.press('Enter').wait('^/$')
        self.ready(second)
        compare_screen(self, 'history', second.screen())

    def large(self, size):
        """A local file, with blocks and not with holes, which would not be sent."""
        with open(self.directory / 'large', 'wb') as file:
            os.posix_fallocate(file.fileno(), 0, size)

    def test_interrupted_put(self):
        self.large(figure(4 << 30, 8 << 30))
        terminal = self.shell()
        terminal.run('put large large').wait(r'\d+ MiB/s', 30)
        begin = time.monotonic()
        terminal.press('C-c')
        self.ready(terminal)
        self.assertLess(time.monotonic() - begin, 1.0 * SLOWNESS)
        self.ready(terminal.run('ls'))
        # The line of the bar is free again, and the shell goes on.
        self.assertNotIn('MiB', terminal.screen())
        compare_screen(self, 'interrupted', terminal.screen())
        # Of an upload that had got far its next try finds what was done.
        kept = 'staging/' + 16 * '0'
        wait_for(lambda: all(name.startswith(kept) for name in self.main.litter()), 15,
                 'nothing else to be left of the put')

    def test_no_bar_among_what_is_typed(self):
        terminal = self.shell()
        terminal.run('put - typed').type('one').press('Enter').wait('^one$')
        # A bar would have been drawn by now, after half a second.
        begin = time.monotonic()
        wait_for(lambda: time.monotonic() - begin > 1, 10, 'a second')
        self.assertNotRegex(terminal.screen(), r'B/s|\d B')
        terminal.press('C-d')
        self.ready(terminal)
        self.assertEqual(self.cat('typed'), 'one\n')

    def test_progress_is_cleaned_up(self):
        self.large(figure(1 << 30, 4 << 30))
        terminal = self.shell()
        terminal.run('put large large').wait(r'\d+% ', 30)
        self.ready(terminal, 60)
        self.assertNotRegex(terminal.screen(), r'\d%')

    def test_resized_while_typing(self):
        self.put_text('a-name-that-takes-some-room', 'found\n')
        terminal = self.shell(columns=60)
        terminal.type('cat a-name-that-takes').wait('takes$')
        terminal.resize(100).type('-some').wait('takes-some$')
        terminal.resize(70).type('-room').wait('takes-some-room$')
        terminal.press('Enter').wait('^found$')
        self.ready(terminal)
        compare_screen(self, 'resized', terminal.screen())

    def test_server_killed_and_restarted(self):
        self.put_text('note', 'still here\n')
        terminal = self.shell()
        terminal.run('lock note').wait(r'^Lock \d+ is held')
        self.ready(terminal)
        self.main.kill()
        terminal.run('cat note').wait('does not answer; waiting', 20)
        self.main.start()
        terminal.wait('^still here$', 40)
        terminal.wait('started anew', 20)
        # The lock has come over it.
        terminal.run('pwd; put note note; pwd').wait(r'^/\n/$')
        self.ready(terminal)
        self.ok('lock-break', self.json('locks')[0]['number'])
        terminal.run('pwd').wait(r'lock \d+ is lost\s+\(it was broken')
        self.ready(terminal)
        # Nobody knows what was done to it meanwhile: not without its user's word.
        terminal.run('rm note').wait('not held any more')
        self.ready(terminal)
        terminal.run('unlock --all; rm note; ls; pwd').wait(r'rm note; ls; pwd\n/$')
        self.ready(terminal)

    def test_a_lost_lock_is_forgotten(self):
        terminal = self.shell(columns=200)
        for name in ('one', 'two', 'three'):
            self.ready(terminal.run(f'lock {name}'))
        for lock in self.json('locks'):
            self.ok('lock-break', lock['number'])
        # Nobody was told of it before.
        terminal.run('unlock one two')
        terminal.wait(r'one: the lock .* \(lock \d+ was lost before it was given back\)', 40)
        terminal.wait(r'three: the lock .* \(lock \d+ is lost \(it was broken\); until')
        self.ready(terminal.run('unlock two')).wait('two: no such file')
        # Of this one the shell has told.
        self.ready(terminal.run('unlock three; pwd')).wait(r'unlock three; pwd\n/$')

    def test_locks_are_held_and_released(self):
        self.put_text('one', 'text\n')
        self.put_text('two', 'text\n')
        terminal = self.shell()
        terminal.run('lock one').wait(r'\[1 lock\]>$')
        terminal.run('lock --shared two').wait(r'\[2 locks\]>$')
        self.ready(terminal.run('put note one; put note free'))
        terminal.run('locks').wait(r'\(this shell\)')
        self.refused(5, 'rm', 'one', says='locked')
        self.assertEqual(self.cat('one'), self.note.read_text())
        terminal.run('unlock /two').wait(r'\[1 lock\]>$')
        self.refused(5, 'rm', 'one', says='locked')
        terminal.press('C-d')
        self.assertEqual(terminal.exit_status(), 0)
        self.assertEqual(self.json('locks'), [])
        self.ok('rm', 'one')

    def test_what_is_waited_for_is_told(self):
        self.put_text('note', 'text\n')
        holder = self.start_sluice('lock', '--tree', '.', '--', 'cat',
                                   stdin=subprocess.PIPE)
        wait_for(lambda: self.json('locks'), 10, 'the lock')
        terminal = self.shell()
        name = self.json('locks')[0]['holder']
        for command, path in [('rm --wait 60 note', 'note'), ('lock --wait 60 new', 'new'),
                              ('put --wait 60 note x/y', 'x/y')]:
            terminal.run(command)
            terminal.wait(rf'^sluice: waiting for the lock on {path}, held by {name}$')
            terminal.press('C-c')
            self.ready(terminal)
        holder.popen.stdin.close()
        holder.wait(10)

    def test_told_to_end(self):
        terminal = self.shell()
        terminal.run('lock /').wait(r'\[1 lock\]>$')
        os.kill(terminal.pid(), signal.SIGTERM)
        self.assertEqual(terminal.exit_status(), 130)
        self.assertEqual(self.json('locks'), [])

    def test_the_terminal_goes_away(self):
        terminal = self.shell()
        terminal.run('lock /').wait(r'\[1 lock\]>$')
        terminal.run('put - new').wait('put - new')
        os.kill(terminal.pid(), signal.SIGHUP)
        self.assertEqual(terminal.exit_status(), 130)
        self.assertEqual(self.json('locks'), [])

    def test_second_control_c_leaves(self):
        listed = threading.Event()

        def answer(frames):
            """Alive, but never done with what it is asked for, nor with withdrawing it."""
            _, _, _, kind, _, _, request_id = wire.HEADER.unpack(frames[0])
            if kind == wire.HELLO:
                return wire.header(wire.WELCOME, request_id), wire.pack(wire.WELCOME_BODY)
            if kind == wire.PING:
                return wire.header(wire.PONG, request_id), wire.pack({'epoch': 1})
            if kind == wire.LIST:
                listed.set()
            return None
        server = wire.FakeServer(answer)
        self.addCleanup(server.close)
        terminal = Terminal(self.directory, [SLUICE], self.environment(server.endpoint), 'second')
        self.addCleanup(terminal.close)
        terminal.wait(r'^sluice 127\.0\.0\.1:\d+ />\Z')
        terminal.run('ls')
        wait_for(listed.is_set, 10, 'ls asks the server')
        # Those that come within a second of the first are not heard.
        wait_for(lambda: terminal.has_ended() or not terminal.press('C-c'), 15, 'it leaves')
        self.assertEqual(terminal.exit_status(), 130)

    def test_control_c_clears_the_line(self):
        terminal = self.shell()
        terminal.type('rm everything').wait('rm everything$')
        terminal.press('C-c').wait(r'rm everything\^C\n' + READY)
        terminal.run('!echo here').wait('^here$')
        self.ready(terminal)
        terminal.run('!sleep 60').press('C-c')
        self.ready(terminal)


class InAScript(ShellTest):

    def setUp(self):
        super().setUp()
        self.server()

    def script(self, text, *options, **more):
        return self.sluice(*options, input=text.encode(), **more)

    def test_commands_of_one_argument(self):
        (self.directory / 'one two').write_text('1\n')
        result = self.sluice('-c', "mkdir 'a b'; put 'one two' 'a b'/; cd 'a b'; pwd; ls; cat one*",
                             cwd=self.directory)
        self.assertEqual((result.status, result.err), (0, ''))
        self.assertEqual(result.out, '/a b\none two\n1\n')

    def test_commands_from_a_pipe(self):
        result = self.script('# a comment\n\nmkdir a; mkdir b\nls\ncd a\ncd ..; cd b\npwd\ncd -\n')
        self.assertEqual((result.status, result.out, result.err), (0, 'a/\nb/\n/b\n/\n', ''))

    def test_failures_name_the_line_and_the_rest_goes_on(self):
        result = self.script('mkdir a\ncat missing\nls\n')
        self.assertEqual((result.status, result.out), (0, 'a/\n'))
        self.assertRegex(result.err, r'\Asluice: line 2: missing: no such file[^\n]*\n\Z')
        result = self.script('ls\ncat missing\n')
        self.assertEqual(result.status, 3)
        result = self.script("ls\nnonsense\ncat 'a\nrm -r a\n'")
        self.assertEqual(result.status, 2)
        self.assertEqual([line.split(':')[1] for line in result.err.splitlines()],
                         [' line 2', ' line 3'])
        # What stands behind a line that cannot be read may be a part of it.
        self.assertEqual(self.ok('ls'), 'a/\n')
        self.assertEqual(self.script('ls | wc\nmkdir b\n').status, 2)
        self.assertEqual(self.ok('ls'), 'a/\n')

    def test_the_first_failure_ends_with_e(self):
        result = self.script('mkdir a\ncat missing; mkdir b\nmkdir c\n', '-e')
        self.assertEqual(result.status, 3)
        self.assertEqual(self.ok('ls'), 'a/\n')
        self.assertEqual(self.sluice('-e', '-c', 'ls; cat x; !exit 4').status, 3)
        self.assertEqual(self.sluice('-e', '-c', '!exit 4').status, 4)
        self.assertEqual(self.sluice('-e', 'ls').status, 2)

    def test_globs(self):
        for name in ('a.csv', 'b.csv', 'c.txt'):
            (self.directory / name).write_text(name)
        result = self.sluice('-e', '-c', 'mkdir x; put *.csv x/; mkdir -p y/z; cp x/a.csv y/z; '
                             'ls x; lcd x; rm */[b].csv; mv y/*/a.csv .; ls', cwd=self.directory)
        self.assertEqual(result.status, 3, result)
        self.assertEqual(result.out, 'a.csv\nb.csv\n')
        (self.directory / 'x').mkdir()
        result = self.sluice('-e', '-c', 'lcd x; rm */[b].csv; mv y/*/a.csv .; ls; get *.csv .',
                             cwd=self.directory)
        self.assertEqual((result.status, result.err), (0, ''))
        self.assertEqual(result.out, 'a.csv\nx/\ny/\n')
        self.assertEqual((self.directory / 'x/a.csv').read_text(), 'a.csv')
        result = self.sluice('-c', "rm 'x/*'; rm x/*.none", cwd=self.directory)
        self.assertEqual(result.status, 3)
        self.assertIn('no name matches', result.err)
        self.assertEqual(self.ok('ls', 'x'), 'a.csv\n')

    def test_locks_in_a_script(self):
        result = self.script('mkdir d\nlock --tree d\nput - d/x\nhello')
        self.assertEqual((result.status, result.err), (0, ''))
        self.assertEqual(self.cat('d/x'), 'hello')
        result = self.sluice('-e', '-c', 'lock --tree d; mv d/x d/y; mkdir d/e; rm -r d/e; '
                             'lock e -- sh -c "sluice put /dev/null e"; --json locks; unlock d')
        self.assertEqual((result.status, result.err), (0, ''))
        self.assertIn('"own":true', result.out.replace(' ', ''))
        self.assertEqual(self.json('locks'), [])
        self.assertEqual(self.sluice('-c', 'unlock nothing').status, 3)

    def test_directories_whose_contents_are_meant(self):
        (self.directory / 'here').mkdir()
        self.ok('mkdir', 'x')
        for name in ('x/a', 'x/b'):
            self.put_text(name, name)
        result = self.sluice('-e', '-c', 'get -q -r x/. here; cd x; get -q -r . here/again; '
                             'put -q -r here/again/. .; cp a ..; ls .; ls ..; put -q note new/.',
                             cwd=self.directory)
        self.assertEqual((result.status, result.out), (3, 'a\nb\na\nx/\n'), result)
        self.assertEqual(sorted(path.name for path in self.directory.glob('here/**/*')),
                         ['a', 'a', 'again', 'b', 'b'])

    def test_several_paths_are_listed(self):
        for name in ('a.csv', 'b.csv'):
            self.put_text(name, name)
        self.ok('mkdir', 'c')
        self.put_text('c/d', 'd')
        self.assertEqual(self.ok('-c', 'ls *'), 'a.csv\nb.csv\n\nc:\nd\n')
        self.assertEqual(self.ok('-c', 'cd c; ls ../*.csv'), 'a.csv\nb.csv\n')

    def test_mistakes_point_at_help_of_the_shell(self):
        for script, says in [('cat', "cat: not a valid call (PATH: 1 argument is needed, not 0); "
                              "see 'help COMMAND'"),
                             ("rm -r ''", "an argument is empty"),
                             ('nonsense', "there is no command 'nonsense'); see 'help'")]:
            self.refused(2, '-c', script, says=says)
        self.assertTrue(json.loads(self.sluice('--json', '-c', 'cat').err)['message'].endswith(
            "; see 'help COMMAND'"))

    def test_names_like_options(self):
        self.put_text('x', 'text')
        result = self.sluice('-e', '-c', 'mv x -- -r; rm -- -*; put /dev/null x; lock *; rm *; ls')
        self.assertEqual((result.status, result.out, result.err), (0, '', ''))

    def test_exit_gives_the_status_before(self):
        self.assertEqual(self.sluice('-c', 'cat missing; exit; ls').status, 3)
        self.assertEqual(self.sluice('-c', 'cat missing; ls; quit').status, 0)

    def test_help(self):
        shown = self.ok('-c', 'help')
        for command in ('cd', 'lls', 'unlock', 'put', 'exit'):
            self.assertRegex(shown, rf'(?m)^  {command} ')
        self.assertNotIn('__complete', shown)
        self.assertEqual(self.ok('-c', 'help lock'), self.ok('-c', 'lock --help'))
        for command in ('cd', 'pwd', 'lcd', 'lls', 'unlock', 'exit', 'quit', 'help'):
            self.assertIn('Example', self.ok('-c', f'help {command}'))

    def test_answers_for_other_shells(self):
        self.ok('mkdir', 'my dir')
        self.put_text('my dir/x', 'text')
        for words, answer in [(('ca',), 'cat\t'), (('cat', 'my'), 'my dir/\n'),
                              (('cat', 'my dir/'), 'my dir/x\n'), (('put', 'm'), ':local\n'),
                              (('put', 'm', 'm'), 'my dir/\n'), (('get', 'm', ''), ':local\n'),
                              (('lock', 'x', '--', 's'), ':command\n'), (('cat', 'none'), ''),
                              (('ls', '--j'), '--json\t'), (('cat', 'my dir/../'), ''),
                              (('cat', '../m'), ''), (('cat', '/m'), ''), (('cat', './m'), '')]:
            with self.subTest(words=words):
                found = self.ok('__complete', '--', *words)
                self.assertTrue(found.startswith(answer) if answer else found == '', found)
        begin = time.monotonic()
        self.main.stop()
        self.assertEqual(self.ok('__complete', '--', 'cat', 'm'), '')
        self.assertLess(time.monotonic() - begin, 6 * SLOWNESS)


if __name__ == '__main__':
    harness.main()
