# What tests of docs/commands.md share: one server for a class of tests, and a command run as a row
# of the page says, as text and with --json. Read on: commands_page.py, test_commands.py.
import json
import pathlib
import shutil
import subprocess
import tempfile

import harness
from commands_page import GLOBAL, Page
from harness import wait_for

PAGE = Page()
NOWHERE = 'ipc:///nowhere'
CHANGES = ('mkdir', 'rm', 'mv', 'cp', 'put')


def row(command, *options):
    """Marks the test of these rows; '' is the command without options."""
    def mark(test):
        test.rows = [(command, option) for option in options]
        return test
    return mark


class SharedServer(harness.SystemTest):
    """One server for all tests of a class, empty before each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        directory = pathlib.Path(tempfile.mkdtemp(prefix='sluice-'))
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        cls.main = harness.Server(directory)
        cls.addClassCleanup(lambda: cls.main.process and cls.main.process.cleanup())
        cls.main.start()

    def setUp(self):
        super().setUp()
        self.addCleanup(self.clear)

    def clear(self):
        names = [entry['path'] for entry in self.json('ls')]
        if names:
            wait_for(lambda: not self.json('locks'), 10, 'no lock left')
            self.ok('rm', '-r', '--', *names)

    def tree(self):
        """x/file0 to x/file3 and x/sub/in on the server, and the same in the scratch directory."""
        local = self.directory / 'x'
        (local / 'sub').mkdir(parents=True)
        for i in range(4):
            (local / f'file{i}').write_text(f'{i}\n')
        (local / 'sub' / 'in').write_text('in\n')
        self.ok('put', '-r', local, 'x')
        return local

    def hold(self, *claims):
        """A lock held by another process until its input is closed; gives (process, token)."""
        holder = self.start_sluice('lock', *claims, '--', 'sh', '-c',
                                   'echo "$SLUICE_LOCK_TOKEN"; cat', stdin=subprocess.PIPE)
        token = holder.popen.stdout.readline().decode().strip()
        self.assertTrue(token, holder.log_text())
        return holder, token

    def end(self, holder):
        holder.popen.stdin.close()
        self.assertEqual(holder.wait(10), 0)

    def assert_fits(self, value, *shapes):
        problems = [PAGE.fits(value, shape) for shape in shapes]
        self.assertIn(None, problems)

    def error_object(self, text):
        """The one JSON object of a failure."""
        self.assertRegex(text, r'\A[^\n]+\n\Z')
        error = json.loads(text)
        self.assert_fits(error, 'error')
        return error


class RowTest(SharedServer):
    """A test of the rows that it was marked with."""

    def setUp(self):
        super().setUp()
        rows = [PAGE.rows[key] for key in getattr(self, self._testMethodName).rows]
        self.command = rows[0].command
        self.shapes = rows[0].shapes
        self.exits = {status for found in rows for status in found.exits}

    def arguments(self, arguments):
        return arguments if self.command == GLOBAL else (self.command, *arguments)

    def text(self, *arguments, **options):
        """Runs the row's command, which has to succeed without a word on standard error."""
        self.assertIn(0, self.exits)
        return self.ok(*self.arguments(arguments), **options)

    def silent(self, *arguments, **options):
        self.assertEqual(self.text(*arguments, **options), '')

    def objects(self, *arguments, **options):
        """The same with --json: all that it prints are objects of the row's shapes."""
        self.assertIn(0, self.exits)
        objects = self.json(*self.arguments(arguments), **options)
        for value in objects:
            self.assert_fits(value, *self.shapes)
        return objects

    def fails(self, status, *arguments, says=(), **options):
        """A failure, which must not print anything on standard output, as text and as JSON."""
        self.assertIn(status, self.exits)
        arguments = self.arguments(arguments)
        plain = self.refused(status, *arguments, says=says, **options)
        as_json = self.sluice('--json', *arguments, **options)
        self.assertEqual((plain.out, as_json.out, as_json.status), ('', '', status))
        error = self.error_object(as_json.err)
        self.assertEqual(error['exit'], status)
        return error
