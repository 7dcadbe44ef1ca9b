# Every message of docs/commands.md, brought about as the page says and compared with what is
# printed, as text and as JSON. Read on: commands_page.py, protocol/errors.cpp.
import json
import os
import re
import shutil
import subprocess
import threading

import harness
import wire
from commands_page import Page
from harness import SLOWNESS, wait_for

PAGE = Page()
DOCUMENT = (harness.SOURCE / 'docs' / 'protocol.md').read_text()
# Number and exit status of each error by its name.
ERRORS = {name: (int(number), int(status)) for number, name, status in
          re.findall(r'(?m)^\| (\d+) \| `([a-z_]+)` \| (\d+) \|', DOCUMENT)}
# Of servers, which test_errors and test_lock_journal start in vain; and what no command ends with.
NOT_OF_COMMANDS = {'root_unusable', 'root_served', 'locks_damaged', 'wrong_root', 'cannot_listen',
                   'hello_required', 'window_exceeded', 'timed_out'}
UNUSABLE = 8


def pattern_of(printed):
    """The page writes … for what differs from time to time."""
    return r'\A' + '.*'.join(map(re.escape, printed.split('…'))) + r'\Z'


class Messages(harness.SystemTest):
    def check_all(self, ended):
        for message, plain, as_json in ended:
            self.check(message, plain, as_json)

    def check(self, message, result, as_json):
        with self.subTest(typed=message.typed, code=message.code):
            self.assertEqual(result.status, message.exit, result)
            self.assertRegex(result.err.removesuffix('\n'), pattern_of(message.printed))
            self.assertEqual(as_json.status, message.exit, as_json)
            self.assertRegex(as_json.err, r'\A[^\n]+\n\Z')
            error = json.loads(as_json.err)
            self.assertIsNone(PAGE.fits(error, 'error'))
            self.assertEqual((error['error'], error['exit']), (message.code, message.exit))
            self.assertRegex('sluice: ' + error['message'], pattern_of(message.printed))
            if error['path']:
                self.assertTrue(error['message'].startswith(error['path'] + ': '), error)


class Typed(Messages):
    """With a real server, which may not do everything in its root."""

    def setUp(self):
        super().setUp()
        self.directory.chmod(0o777)
        program = self.directory / 'sluiced'
        shutil.copy(harness.SLUICED, program)
        server = self.server(start=False, prefix=harness.as_nobody(), program=program)
        closed = server.root / 'closed'
        closed.mkdir()
        for path in (server.root, closed):
            if harness.as_nobody():
                os.chown(path, harness.NOBODY, harness.NOBODY)
        closed.chmod(0)
        self.addCleanup(closed.chmod, 0o700)
        server.start()
        self.fill()
        self.holder = self.start_sluice('lock', '--tree', 'archive', '--', 'cat',
                                        stdin=subprocess.PIPE)
        wait_for(lambda: self.json('locks'), 10, 'the lock')

    def write_all_the_time(self, path):
        """Large, so that a put takes many times as long as the pauses between the writes. By a
        thread: processes that have to be started first get no turn beside all that is typed."""
        path.write_bytes(os.urandom(48 * harness.MIB))
        ended = threading.Event()

        def write():
            with path.open('ab', buffering=0) as file:
                while not ended.wait(0.001):
                    file.write(b'\n')
        writer = threading.Thread(target=write)
        writer.start()
        self.addCleanup(writer.join)
        self.addCleanup(ended.set)

    def fill(self):
        """What the page says is there."""
        self.here = self.directory / 'here'
        (self.here / 'pictures').mkdir(parents=True)
        (self.here / 'new').write_text('new\n')
        self.write_all_the_time(self.here / 'log')
        (self.here / 'servers.conf').write_text('[lab]\nendpoint = tcp://lab:5970\n'
                                                '[home]\nendpoint = tcp://home:5970\n')
        (self.here / 'wrong.conf').write_text('[lab]\nendpiont = tcp://lab:5970\n')
        self.ok('mkdir', 'results')
        self.ok('mkdir', 'archive')
        for path in ('plan', 'broken', 'results/today', 'results/old'):
            self.put_text(path, path)
        (self.main.root / 'broken').write_text('edited')
        (self.main.root / 'link').symlink_to('plan')

    def test_typed(self):
        typed = [message for message in PAGE.messages if message.typed]
        self.assertTrue(typed)
        plain = self.typed(message.typed for message in typed)
        as_json = self.typed(message.typed.replace('sluice ', 'sluice --json ')
                             for message in typed)
        self.check_all(zip(typed, plain, as_json))

    def typed(self, lines):
        """All at once, each to its end. A slow program gets as far as a quick one in its time."""
        def slowed(line):
            return re.sub(r'\b(sleep|INT) (\d+)',
                          lambda match: f'{match[1]} {int(match[2]) * SLOWNESS:g}', line)
        begun = [self.spawn('sh', '-c', slowed(line), cwd=self.here, env=self.environment())
                 for line in lines]
        return [process.output(30) for process in begun]


class Answered(Messages):
    """By a server that answers every request, or the hello already, with one error."""

    def answer(self, number, to_hello):
        def answer(frames):
            request = wire.HEADER.unpack(frames[0])
            kind, request_id = request[3], request[6]
            if kind == wire.HELLO and not to_hello:
                return (wire.header(wire.WELCOME, request_id), wire.pack(wire.WELCOME_BODY))
            return (wire.header(wire.ERROR, request_id),
                    wire.pack({'code': number} if to_hello else {'code': number, 'path': 'plan'}))
        return answer

    def test_answered(self):
        begun = []
        for message in PAGE.messages:
            if message.typed:
                continue
            number, status = ERRORS[message.code]
            # What makes a server unusable it says at once; of a request the client tries it again.
            server = wire.FakeServer(self.answer(number, to_hello=status == UNUSABLE))
            self.addCleanup(server.close)
            begun.append((message, *(self.start_sluice(*json_flag, 'put', self.note, 'plan',
                                                       server=server.endpoint)
                                     for json_flag in ((), ('--json',)))))
        self.assertTrue(begun)
        self.check_all((message, plain.output(30), as_json.output(30))
                       for message, plain, as_json in begun)


class Complete(harness.SystemTest):
    def test_every_error_is_on_the_page(self):
        self.assertEqual({message.code for message in PAGE.messages} | NOT_OF_COMMANDS, set(ERRORS))
        for message in PAGE.messages:
            self.assertEqual(message.exit, ERRORS[message.code][1], message)


if __name__ == '__main__':
    harness.main()
