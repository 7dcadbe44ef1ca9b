# A program on a terminal of its own: tmux with a fixed size and its own socket. Tests type into it
# and wait for what the screen shows. Screens are kept as text in screens/; SLUICE_ACCEPT_SCREENS=1
# writes them anew, and the diff is to be looked at.
import os
import pathlib
import re
import subprocess

from harness import wait_for

SCREENS = pathlib.Path(__file__).resolve().parent / 'screens'
ACCEPT = os.environ.get('SLUICE_ACCEPT_SCREENS', '') == '1'


class Terminal:
    """tmux with one window in which `arguments` run; ended by close()."""

    def __init__(self, directory, arguments, environment, name, columns=80, rows=24):
        self.socket = directory / f'{name}.tmux'
        environment = {**environment, 'LANG': 'C.UTF-8', 'LC_ALL': 'C.UTF-8',
                       'HOME': str(directory)}
        environment.pop('XDG_STATE_HOME', None)
        environment.pop('TMUX', None)
        self._tmux('start-server', ';', 'set', '-g', 'remain-on-exit', 'on', ';', 'set', '-g',
                   'status', 'off', ';', 'new-session', '-d', '-x', columns, '-y', rows, '-c',
                   directory, *arguments, environment=environment)

    def _tmux(self, *arguments, environment=None):
        command = ['tmux', '-u', '-S', str(self.socket), '-f', '/dev/null', *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.decode(errors='replace')

    def type(self, text):
        self._tmux('send-keys', '-l', '--', text)
        return self

    def press(self, *keys):
        """Tab, Enter, Up, C-c, C-d, ..."""
        self._tmux('send-keys', *keys)
        return self

    def run(self, text):
        """Types a line, and sees it there before it ends it."""
        self.type(text).wait(re.escape(text[-8:]) + r'\Z')
        return self.press('Enter')

    def resize(self, columns, rows=24):
        self._tmux('resize-window', '-x', columns, '-y', rows)
        return self

    def screen(self):
        """What is shown, without empty lines at the end."""
        lines = self._tmux('capture-pane', '-p').split('\n')
        return '\n'.join(line.rstrip() for line in lines).rstrip('\n')

    def wait(self, pattern, seconds=10):
        """Until the screen matches; gives the match."""
        try:
            return wait_for(lambda: re.search(pattern, self.screen(), re.MULTILINE), seconds, '')
        except AssertionError:
            raise AssertionError(f'not within {seconds} s on the screen: {pattern}\n'
                                 f'{self.screen()}') from None

    def wait_gone(self, pattern, seconds=10):
        try:
            wait_for(lambda: not re.search(pattern, self.screen(), re.MULTILINE), seconds, '')
        except AssertionError:
            raise AssertionError(f'still on the screen: {pattern}\n{self.screen()}') from None

    def pid(self):
        return int(self._tmux('display', '-p', '#{pane_pid}'))

    def exit_status(self, seconds=10):
        """Waits for the program to end; negative if a signal ended it."""
        return wait_for(self._status, seconds, 'the program ends')[0]

    def has_ended(self):
        return self._status() is not None

    def _status(self):
        form = '#{pane_dead},#{pane_dead_status},#{pane_dead_signal}'
        dead, code, signal = self._tmux('display', '-p', form).strip().split(',')
        if dead != '1':
            return None
        if code or signal:
            return [int(code or -1)]
        # tmux sometimes does not hear of its child's end: then the zombie tells.
        try:
            text = pathlib.Path(f'/proc/{self.pid()}/stat').read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        about = text.rsplit(')', 1)[1].split()
        return [os.waitstatus_to_exitcode(int(about[49]))] if about[0] == 'Z' else None

    def close(self):
        subprocess.run(['tmux', '-S', str(self.socket), 'kill-server'], capture_output=True,
                       check=False)


def compare_screen(test, name, screen, replacements=()):
    """The screen against screens/NAME.txt, after what varies was replaced."""
    for pattern, text in replacements:
        screen = re.sub(pattern, text, screen, flags=re.MULTILINE)
    path = SCREENS / f'{name}.txt'
    if ACCEPT:
        SCREENS.mkdir(exist_ok=True)
        path.write_text(screen + '\n')
    test.assertEqual(path.read_text() if path.exists() else '', screen + '\n', path.name)
