# Transfers that are cut short and gone on with: the connection cut, the client killed, the server
# killed, each at random moments of a put and a get, through a proxy that counts what is sent again.
import filecmp
import json
import os
import random
import signal
import socket
import threading

from harness import MIB, SystemTest, figure, main, wait_for

SIZE = figure(64 * MIB, 1024 * MIB)
MOMENTS = figure(2, 20)
# What a transfer has under way (client/transfer/upload.hpp), and what else travels in a try.
WINDOW = 8 * MIB
BESIDES = MIB
# Half of what the server grants, to which a window grows where the way takes its time.
LARGEST_WINDOW = 16 * MIB


class Proxy:
    """Between clients and a server on loopback. Counts bytes, stops at a count until it is told to
    go on, cuts all connections on demand."""

    def __init__(self, endpoint):
        self.server = ('127.0.0.1', int(endpoint.rsplit(':', 1)[1]))
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.endpoint = f'tcp://127.0.0.1:{self.listener.getsockname()[1]}'
        self.lock = threading.Lock()
        self.sockets = set()
        self.moved = {'up': 0, 'down': 0}
        self.stop = None
        self.reached = threading.Event()
        self.released = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop_at(self, way, count):
        """Nothing moves that way once so many bytes have, from now on, until `go_on`."""
        with self.lock:
            self.moved = {'up': 0, 'down': 0}
            self.reached.clear()
            self.released.clear()
            self.stop = (way, count)

    def go_on(self):
        with self.lock:
            self.stop = None
        self.released.set()

    def cut(self):
        with self.lock:
            self._end(*self.sockets)

    @staticmethod
    def _end(*sockets):
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        self.go_on()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.server)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.sockets |= {client, server}
            for ends in ((client, server, 'up'), (server, client, 'down')):
                threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source, sink, way):
        try:
            while data := source.recv(256 << 10):
                with self.lock:
                    self.moved[way] += len(data)
                    stops = self.stop and self.stop[0] == way and self.moved[way] >= self.stop[1]
                if stops:
                    self.reached.set()
                    self.released.wait()
                sink.sendall(data)
        except OSError:
            pass
        with self.lock:
            self.sockets -= {source, sink}
            self._end(source, sink)
            source.close()


class Resume(SystemTest):

    def setUp(self):
        super().setUp()
        self.server(listen=['tcp'], lease=1)
        self.proxy = Proxy(self.main.endpoint)
        self.addCleanup(self.proxy.close)
        self.here = self.directory / 'here'
        self.here.mkdir()
        self.file = self.directory / 'file'
        self.write(self.file)
        self.random = random.Random(7)

    def write(self, path, size=SIZE):
        with open(path, 'wb') as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))

    def moments(self):
        return [self.random.uniform(0.15, 0.95) for _ in range(MOMENTS)]

    def started(self, way, moment, *arguments):
        """A transfer, stopped at that part of it."""
        self.proxy.stop_at(way, int(SIZE * moment))
        process = self.start_sluice(*arguments, server=self.proxy.endpoint)
        wait_for(self.proxy.reached.is_set, 60, 'the moment')
        return process

    def check_sent_again(self, way, moment):
        again = self.proxy.moved[way] - SIZE
        self.assertLess(again, 2 * WINDOW + BESIDES, f'at {moment:.3f} of {way}')
        print(f'    {self._testMethodName} at {moment:.3f}: {again / MIB:.2f} MiB sent again',
              flush=True)

    def check_no_litter(self):
        self.assert_no_litter()
        self.assertEqual(list(self.directory.glob('state/sluice/uploads/*')), [])
        self.assertEqual([entry.name for entry in self.here.iterdir() if entry.name != 'file'], [])

    def succeeds(self, process):
        result = process.output(120)
        self.assertEqual(result.status, 0, result.err)
        return result

    def cut(self, process, *_):
        self.proxy.cut()
        self.proxy.go_on()
        self.succeeds(process)

    def kill_client(self, process, *arguments):
        process.kill()
        self.proxy.go_on()
        self.succeeds(self.start_sluice(*arguments, server=self.proxy.endpoint))

    def kill_server(self, process, *_):
        self.main.kill()
        self.proxy.go_on()
        self.main.start(seconds=60)
        self.succeeds(process)

    def put(self, happen):
        for i, moment in enumerate(self.moments()):
            arguments = ('put', self.file, f'file{i % 2}')
            happen(self.started('up', moment, *arguments), *arguments)
            self.assertTrue(filecmp.cmp(self.file, self.main.root / f'file{i % 2}', shallow=False))
            self.check_sent_again('up', moment)
            self.check_no_litter()

    def get(self, happen):
        self.ok('put', self.file, 'file')
        for moment in self.moments():
            arguments = ('get', 'file', self.here)
            happen(self.started('down', moment, *arguments), *arguments)
            self.assertTrue(filecmp.cmp(self.file, self.here / 'file', shallow=False))
            self.check_sent_again('down', moment)
            self.check_no_litter()
            (self.here / 'file').unlink()

    def test_put_whose_connection_is_cut(self):
        self.put(self.cut)

    def test_put_whose_client_is_killed(self):
        self.put(self.kill_client)

    def test_put_whose_server_is_killed(self):
        self.put(self.kill_server)

    def test_get_whose_connection_is_cut(self):
        self.get(self.cut)

    def test_get_whose_client_is_killed(self):
        self.get(self.kill_client)

    def test_get_whose_server_is_killed(self):
        self.get(self.kill_server)

    def test_what_went_over_the_wire_is_told(self):
        process = self.started('up', 0.5, '--json', 'put', self.file, 'file')
        self.proxy.cut()
        self.proxy.go_on()
        [told] = map(json.loads, self.succeeds(process).out.splitlines())
        # What ZeroMQ adds, and what was given to a connection that was gone by then.
        moved = self.proxy.moved
        self.assertGreater(told['sent_bytes'], SIZE)
        self.assertAlmostEqual(told['sent_bytes'], moved['up'], delta=LARGEST_WINDOW + BESIDES)
        self.assertAlmostEqual(told['received_bytes'], moved['down'], delta=BESIDES)

    def test_put_of_a_file_that_has_changed(self):
        process = self.started('up', 0.6, 'put', self.file, 'file')
        process.kill()
        self.proxy.go_on()
        with open(self.file, 'r+b') as file:
            file.seek(3 * MIB)
            file.write(b'other bytes')
        result = self.succeeds(
            self.start_sluice('put', self.file, 'file', server=self.proxy.endpoint))
        self.assertIn('file has changed', result.err)
        self.assertTrue(filecmp.cmp(self.file, self.main.root / 'file', shallow=False))
        self.check_no_litter()

    def test_put_of_a_file_with_holes(self):
        """What was told as zeros before is not told or sent again, and stays a hole."""
        with open(self.file, 'wb') as file:
            for i in range(SIZE // (8 * MIB)):
                file.seek(16 * i * MIB)
                file.write(os.urandom(8 * MIB))
            file.truncate(2 * SIZE)
        if self.file.stat().st_blocks * 512 > SIZE + MIB:
            self.skipTest('the filesystem of TMPDIR has no holes')
        arguments = ('put', self.file, 'file')
        for happen in (self.kill_client, self.kill_server, self.cut):
            happen(self.started('up', 0.6, *arguments), *arguments)
            self.assertTrue(filecmp.cmp(self.file, self.main.root / 'file', shallow=False))
            self.assertLess((self.main.root / 'file').stat().st_blocks * 512, SIZE + MIB)
            self.check_sent_again('up', 0.6)
            self.check_no_litter()

    def test_get_of_a_version_that_is_gone(self):
        self.ok('put', self.file, 'file')
        process = self.started('down', 0.6, 'get', 'file', self.here)
        process.kill()
        self.proxy.go_on()
        part, = self.here.iterdir()
        self.assertRegex(part.name, r'\A\.file\.sluice-part\.[0-9a-f]{16}\Z')
        self.write(self.file)
        self.ok('put', self.file, 'file')
        result = self.succeeds(self.start_sluice('get', 'file', self.here))
        self.assertRegex(result.err, r'version \d+ is gone: started anew')
        self.assertTrue(filecmp.cmp(self.file, self.here / 'file', shallow=False))
        self.check_no_litter()

    def test_get_of_a_file_that_is_gone(self):
        self.ok('put', self.file, 'file')
        process = self.started('down', 0.6, 'get', 'file', self.here)
        process.kill()
        self.proxy.go_on()
        part, = self.here.iterdir()
        # A slip of the pen costs nothing.
        self.refused(3, 'get', 'flie', self.here / 'file')
        self.assertTrue(part.exists())
        self.ok('rm', 'file')
        self.refused(3, 'get', 'file', self.here)
        self.check_no_litter()

    def test_get_of_a_file_that_is_too_small_to_go_on_with(self):
        self.write(self.file, MIB)
        self.ok('put', self.file, 'file')
        for there in (False, True):
            if there:
                (self.here / 'file').write_text('before')
            self.proxy.stop_at('down', MIB // 2)
            process = self.start_sluice('get', 'file', self.here, server=self.proxy.endpoint)
            wait_for(self.proxy.reached.is_set, 60, 'the moment')
            wait_for(lambda: self.writes_below(process.pid, self.here), 10, 'the file')
            process.kill()
            self.proxy.go_on()
            self.check_no_litter()
        self.assertEqual((self.here / 'file').read_text(), 'before')
        self.ok('get', 'file', self.here)
        self.assertTrue(filecmp.cmp(self.file, self.here / 'file', shallow=False))

    @staticmethod
    def writes_below(pid, directory):
        """Whether the process has a file open there, with a name or without."""
        for entry in os.listdir(f'/proc/{pid}/fd'):
            try:
                if os.readlink(f'/proc/{pid}/fd/{entry}').startswith(f'{directory}/'):
                    return True
            except FileNotFoundError:
                pass
        return False

    def test_put_whose_client_was_killed_while_it_was_committed(self):
        process = self.started('up', 0.5, 'put', self.file, 'file')
        remembered, = self.directory.glob('state/sluice/uploads/*')
        upload = remembered.read_bytes()
        self.assertEqual((len(upload), remembered.stat().st_mode & 0o777), (16, 0o600))
        self.proxy.go_on()
        self.succeeds(process)
        # As a client would have left it that was killed before it heard of its commit.
        remembered.write_bytes(upload)
        self.proxy.stop_at('up', 2 * SIZE)
        self.succeeds(self.start_sluice('put', self.file, 'file', server=self.proxy.endpoint))
        # Its bytes are there already: taken from the file, not sent.
        self.assertLess(self.proxy.moved['up'], MIB)
        self.assertTrue(filecmp.cmp(self.file, self.main.root / 'file', shallow=False))
        self.check_no_litter()

    def test_two_at_once(self):
        puts = [self.start_sluice('put', self.file, 'file') for _ in range(2)]
        for each in puts:
            self.succeeds(each)
        self.assertTrue(filecmp.cmp(self.file, self.main.root / 'file', shallow=False))
        gets = [self.start_sluice('get', 'file', self.here) for _ in range(2)]
        for each in gets:
            self.succeeds(each)
        self.assertTrue(filecmp.cmp(self.file, self.here / 'file', shallow=False))
        self.check_no_litter()

    def test_stopped_early_leaves_nothing(self):
        process = self.started('up', figure(0.3, 0.1), 'put', self.file, 'file')
        process.signal(signal.SIGINT)
        self.proxy.go_on()
        self.assertEqual(process.wait(20), 130)
        self.check_no_litter()
        self.refused(3, 'stat', 'file')


if __name__ == '__main__':
    main()
