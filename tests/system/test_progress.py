# How far a transfer is, as it is seen: bars on a terminal, which go away at the end and before
# errors, and lines where there is none.
import fcntl
import os
import pty
import re
import signal
import struct
import termios
import unittest

from harness import MIB, SLUICE, Process, SystemTest, main, wait_for

REST = '\x1b[J'


class Screen:
    """A terminal that keeps all that is written to it."""

    def __init__(self, columns=80, rows=24):
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        os.set_blocking(self.master, False)
        self.text = ''

    def resize(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def read(self):
        try:
            self.text += os.read(self.master, 1 << 16).decode(errors='replace')
        except BlockingIOError:
            pass
        return self.text

    def close(self):
        os.close(self.master)
        os.close(self.slave)


class Shown(SystemTest):
    def setUp(self):
        super().setUp()
        self.server()
        self.screen = Screen()
        self.addCleanup(self.screen.close)

    def begin(self, *arguments, **options):
        """A put of a stream that ends when the test wants it."""
        source, feed = os.pipe()
        self.feed = os.fdopen(feed, 'wb')
        self.addCleanup(self.feed.close)
        client = Process([SLUICE, 'put', *arguments, '-', 'stream'], self.directory, 'client',
                         stdin=source, env=self.environment(), **options)
        os.close(source)
        self.addCleanup(client.cleanup)
        self.feed.write(bytes(MIB))
        self.feed.flush()
        return client

    def shows(self, pattern):
        return wait_for(lambda: re.search(pattern, self.screen.read()), 10,
                        f'{pattern} on the terminal')

    def test_a_bar_is_drawn_and_taken_away(self):
        client = self.begin(stderr=self.screen.slave)
        drawn = self.shows(r'standard input +1\.0 MiB +[\d.]+ [KM]?i?B/s').group()
        self.assertLess(len(drawn), 80)
        self.feed.close()
        self.assertEqual(client.wait(10), 0)
        self.assertTrue(self.screen.read().endswith('\r' + REST), self.screen.text[-100:])

    def test_a_narrow_terminal_has_narrow_lines(self):
        self.screen.resize(24, 4)
        client = self.begin(stderr=self.screen.slave)
        self.shows(r'\rstandard input  1\.0 MiB\x1b\[K')
        self.screen.resize(80, 24)
        self.shows(r'\rstandard input {10,}1\.0 MiB')
        self.feed.close()
        self.assertEqual(client.wait(10), 0)

    def test_it_is_gone_before_an_error_is_told(self):
        client = self.begin(stderr=self.screen.slave)
        self.shows('1.0 MiB')
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(5), 130)
        told = '\r\x1b\\[Jsluice: [^\r\n]*before it was done[^\r\n]*\r\n\\Z'
        self.assertRegex(self.screen.read(), told)

    def test_quiet_is_quiet_on_a_terminal(self):
        tree = self.directory / 'tree'
        tree.mkdir()
        (tree / 'file').write_text('a small file\n')
        for option, shown in (('-q', ''), ('-r', 'sluice: 1 file, 13 B in ')):
            client = self.start_sluice('put', option, '-r', tree, 'copy', stderr=self.screen.slave)
            self.assertEqual(client.wait(10), 0)
            self.assertTrue(self.screen.read().startswith(shown))
            self.assertEqual(self.screen.read() == '', shown == '')

    def test_lines_where_there_is_no_terminal(self):
        client = self.begin('--progress')
        wait_for(lambda: 'standard input: ' in client.log_text(), 10, 'a line of progress')
        self.feed.close()
        self.assertEqual(client.wait(10), 0)
        lines = client.log_text().splitlines()
        self.assertRegex(lines[0], r'\Asluice: standard input: 1\.0 MiB, [\d.]+ [KM]?i?B/s\Z')
        self.assertRegex(lines[-1], r'\Asluice: (standard input: )?100% 1\.0 MiB of 1\.0 MiB, '
                                    r'[\d.]+ [KM]iB/s\Z')


if __name__ == '__main__':
    main()
