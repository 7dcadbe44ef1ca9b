# The completions of bash, zsh and fish, typed at real shells on terminals: what comes out is not
# what a function printed but what the command then got as its arguments. `sluice` is a stand-in
# that answers from a list, so that it is the shells' side that is tested; once it asks the real
# one. A shell that is not installed is skipped; scripts/packages installs all.
import json
import os
import pty
import select
import shutil
import signal
import time

import harness
from harness import SLOWNESS, SLUICE, SOURCE

COMPLETIONS = SOURCE / 'packaging' / 'completions'
READY = 'ready> '
STAND_IN = '''#!/usr/bin/python3
import json, os, sys
directory = os.path.dirname(os.path.abspath(__file__))
def write(name, value):
    with open(f'{directory}/{name}.new', 'w') as out:
        json.dump(value, out)
    os.rename(f'{directory}/{name}.new', f'{directory}/{name}')
if sys.argv[1:3] == ['__complete', '--']:
    words = sys.argv[3:]
    write('asked', words)
    if os.path.exists(f'{directory}/real'):
        os.execv(f'{directory}/real', sys.argv)
    for line in open(f'{directory}/candidates'):
        if line.startswith(words[-1]) or line.startswith(':'):
            print(line, end='')
else:
    write('ran', sys.argv[1:])
    print('has run')
'''


def command(shell, home):
    """Starts a shell with its completions and nothing else of the machine's."""
    if shell == 'bash':
        (home / 'rc').write_text(f"PS1='{READY}'\n" + ''.join(
            f'source {path}\n' for path in sorted((COMPLETIONS / 'bash').iterdir())))
        return ['bash', '--noprofile', '--rcfile', str(home / 'rc'), '-i']
    if shell == 'zsh':
        (home / '.zshrc').write_text(f"PS1='{READY}'; fpath=({COMPLETIONS}/zsh $fpath)\n"
                                     f'autoload -Uz compinit; compinit -u -D\n')
        return ['zsh', '-o', 'no_global_rcs', '-i']
    (home / 'fish').mkdir(exist_ok=True)
    (home / 'fish' / 'config.fish').write_text(
        f"function fish_prompt; echo -n '{READY}'; end\nset -g fish_greeting\n"
        + ''.join(f'source {path}\n' for path in sorted((COMPLETIONS / 'fish').iterdir())))
    return ['fish', '-i']


class Completion:
    """The tests of one shell; the classes below name it."""

    shell = ''

    def setUp(self):
        if shutil.which(self.shell) is None:
            self.skipTest(f'{self.shell} is not installed')
        super().setUp()
        self.home = self.directory / 'home'
        self.home.mkdir()
        self.programs = self.directory / 'bin'
        self.programs.mkdir()
        stand_in = self.programs / 'sluice'
        stand_in.write_text(STAND_IN)
        stand_in.chmod(0o755)
        self.files = self.directory / 'files'
        (self.files / 'a directory').mkdir(parents=True)
        (self.files / 'a directory' / 'inner').touch()
        (self.files / 'größe & co').touch()
        (self.programs / 'stand-in-command').symlink_to('/bin/true')
        self.start_shell()

    def start_shell(self):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(self.files)
            os.environ.clear()
            os.environ.update(HOME=str(self.home), ZDOTDIR=str(self.home), TERM='xterm',
                              XDG_CONFIG_HOME=str(self.home), LANG='C.UTF-8',
                              PATH=f'{self.programs}:/usr/bin:/bin')
            words = command(self.shell, self.home)
            os.execvp(words[0], words)
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        self.read_until(lambda seen: READY.encode() in seen)

    def typed(self, line):
        """The arguments that sluice gets when the line is typed."""
        for name in ('asked', 'ran'):
            (self.programs / name).unlink(missing_ok=True)
        ran = self.programs / 'ran'
        os.write(self.terminal, line.encode() + b'\r')
        # What stands before that is the line being drawn.
        self.read_until(lambda seen: READY.encode() in seen.partition(b'has run')[2])
        return json.loads(ran.read_text())

    def read_until(self, condition):
        seen = b''
        deadline = time.monotonic() + 20 * SLOWNESS
        while not condition(seen):
            if time.monotonic() > deadline:
                self.fail(f'not on the terminal in time: {seen!r}')
            if select.select([self.terminal], [], [], 0.02)[0]:
                seen += os.read(self.terminal, 65536)
        return seen

    def asked(self):
        return json.loads((self.programs / 'asked').read_text())

    def completes(self, line, *arguments, candidates=()):
        (self.programs / 'candidates').write_text(''.join(line + '\n' for line in candidates))
        self.assertEqual(self.typed(line), list(arguments), line)

    def test_names_are_quoted_as_the_shell_needs_it(self):
        for begin, name in [('tw', 'two words'), ('it', "it's"), ('gr', 'größe'), ('日', '日本 語'),
                            ('a', 'a&b;c|d'), ('x', 'x"y$HOME`z`'), ('b', 'back\\slash'),
                            ('p', 'p(q)[r]{s}<t>*?'), ('h', 'h#~=:@,'), ('\\$', '$HOME'),
                            ('\\~', '~root')]:
            self.completes(f'sluice ls {begin}\t', 'ls', name, candidates=(name, 'other'))

    def test_what_is_quoted_already_is_gone_on_with(self):
        for begin, asked in [('two\\ w', 'two w'), ('"two w', 'two w'), ("'two w", 'two w'),
                             ('"two"\\ w', 'two w'), ('größe', 'größe')]:
            name = asked + "ord's"
            self.completes(f'sluice put {begin}\t', 'put', name, candidates=(name, 'other'))
            self.assertEqual(self.asked(), ['put', asked])

    def test_names_with_what_breaks_words(self):
        for begin in ('lab:a', 'key=a', 'a@b', 'a,b'):
            name = begin + ' b'
            self.completes(f'sluice ls {begin}\t', 'ls', name, candidates=(name, 'other'))
            self.assertEqual(self.asked(), ['ls', begin])

    def test_words_before_are_told_without_quoting(self):
        self.completes('sluice --server "a b" ls c\\ d \t', '--server', 'a b', 'ls', 'c d', 'end',
                       candidates=['end'])
        self.assertEqual(self.asked(), ['--server', 'a b', 'ls', 'c d', ''])

    def test_a_directory_is_gone_on_with(self):
        self.completes('sluice ls a\tb', 'ls', 'a dir/b', candidates=['a dir/'])
        self.completes('sluice ls a\tb', 'ls', 'a file', 'b', candidates=['a file'])

    def test_options_and_descriptions(self):
        self.completes('sluice --j\tls', '--json', 'ls',
                       candidates=['--json\tPrint JSON'])
        self.completes('sluice pin\t', 'ping', candidates=['ping\tAsk the server', 'put\tStore'])

    def test_the_common_beginning_of_several(self):
        self.completes('sluice ls t\tX', 'ls', 'two words X',
                       candidates=['two words a', 'two words b'])

    def test_nothing_is_made_up(self):
        self.completes('sluice ls n\t', 'ls', 'n', candidates=[])

    def test_names_on_a_server(self):
        server = self.server()
        self.ok('mkdir', 'two words')
        self.put_text('two words/größe & co', 'x')
        (self.programs / 'real').symlink_to(SLUICE)
        line = f'sluice --server {server.endpoint} cat tw\tgr\t'
        wanted = ['--server', server.endpoint, 'cat', 'two words/größe & co']
        # With sanitizers an answer may come too late; whoever types tries again then.
        tries = 1 if SLOWNESS == 1 else 10
        got = next((got for got in (self.typed(line) for _ in range(tries)) if got == wanted), None)
        self.assertEqual(got, wanted)

    def test_local_files(self):
        self.completes('sluice put gr\t', 'put', 'größe & co', candidates=[':local'])
        self.completes('sluice put a\tin\t', 'put', 'a directory/inner', candidates=[':local'])
        (self.home / 'in home').touch()
        self.completes('sluice put ~/in\t', 'put', f'{self.home}/in home', candidates=[':local'])

    def test_commands_of_the_system(self):
        self.completes('sluice lock a -- stand-in-c\t', 'lock', 'a', '--', 'stand-in-command',
                       candidates=[':command'])
        self.completes('sluice lock a -- cat gr\t', 'lock', 'a', '--', 'cat', 'größe & co',
                       candidates=[':command'])


class Bash(Completion, harness.SystemTest):
    shell = 'bash'


class Zsh(Completion, harness.SystemTest):
    shell = 'zsh'


class Fish(Completion, harness.SystemTest):
    shell = 'fish'


if __name__ == '__main__':
    harness.main()
