# Sixty-four clients that read one large file slowly, all at once: the server's memory stays small,
# however much of the file there still is, and each of them gets its bytes at its own pace. Slow is
# either the program behind `sluice get`, or the connection of a client that asks far ahead.
import os
import random
import socket
import time

import wire
from harness import MIB, SLOWNESS, SystemTest, figure, main

READERS = 64
READ_BYTES_PER_S = 1_000_000
PAUSE_S = 0.05
SECONDS = figure(8, 60)
# Peak memory is stable when it has not grown by so much for so long.
STABLE_BYTES = 1_000_000
STABLE_S = figure(0, 30)
LONGEST_S = 300
FILE_MIB = figure(64, 1024)
MEMORY_BYTES = 300 * 1000 * 1000
# As many as the window allows.
READS_AHEAD = 16


class SlowProgram:
    """The slow end of the pipe that a `sluice get` writes into."""

    def __init__(self, client, file):
        self.client = client
        self.file = file
        self.stream = client.popen.stdout
        os.set_blocking(self.stream.fileno(), False)
        self.got = 0

    def read(self, most):
        data = self.stream.read(most)
        if data == b'':
            raise AssertionError('it ended: ' + self.client.log_text())
        if os.pread(self.file.fileno(), len(data or b''), self.got) != (data or b''):
            raise AssertionError(f'other bytes at {self.got}')
        self.got += len(data or b'')


class SlowConnection:
    """A client that keeps as much asked for as it may, and takes little from its connection."""

    def __init__(self, link):
        self.link = link
        self.plain = link.plain
        self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        link.hello()
        _, body = link.ask(wire.GET, {'path': 'large'}, request_id=2)
        self.snapshot = body['snapshot']
        self.asked = 0
        self.got = 0
        self._ask_ahead()

    def _ask_ahead(self):
        # What comes with the bytes is so little that it need not be told from them.
        while self.asked < self.got // MIB + READS_AHEAD:
            body = {'snapshot': self.snapshot, 'length_bytes': MIB,
                    'offset_bytes': self.asked % FILE_MIB * MIB}
            self.link.send(wire.header(wire.READ, 10 + self.asked, credit=MIB), wire.pack(body))
            self.asked += 1

    def read(self, most):
        try:
            data = self.plain.recv(most, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if not data:
            raise AssertionError('the server has closed the connection')
        self.got += len(data)
        self._ask_ahead()


class SlowReaders(SystemTest):

    def setUp(self):
        super().setUp()
        self.server(listen=('tcp',), threads=2)
        block = random.Random(2).randbytes(MIB - 8)
        local = self.directory / 'large'
        with open(local, 'wb') as file:
            for i in range(FILE_MIB):
                file.write(i.to_bytes(8, 'little') + block)
        self.ok('put', '-q', local, 'large', timeout=300)
        self.local = open(local, 'rb')
        self.addCleanup(self.local.close)

    def read_slowly(self, readers):
        begin = grown = time.monotonic()
        stable = 0
        while time.monotonic() - begin < SECONDS or time.monotonic() - grown < STABLE_S:
            due = int((time.monotonic() - begin) * READ_BYTES_PER_S)
            for reader in readers:
                if reader.got < due:
                    reader.read(due - reader.got)
            peak = self.main.peak_memory_bytes()
            if peak > stable + STABLE_BYTES:
                stable = peak
                grown = time.monotonic()
            self.assertLess(grown - begin, LONGEST_S, 'memory that never stops growing')
            time.sleep(PAUSE_S)
        seconds = time.monotonic() - begin
        least, most = (end(reader.got for reader in readers) for end in (min, max))
        print(f'\n  {READERS} readers for {seconds:.0f} s: peak memory {peak / 1e6:.0f} MB, grown '
              f'last after {grown - begin:.0f} s; each read {least / 1e6:.1f} to {most / 1e6:.1f} '
              'MB', flush=True)
        if SLOWNESS == 1:
            self.assertLess(peak, MEMORY_BYTES)
        # None of them waits for the others; a busy machine gets some room.
        self.assertGreater(least, seconds * READ_BYTES_PER_S / 4 / SLOWNESS)

    def test_programs(self):
        self.read_slowly([SlowProgram(self.start_sluice('get', '-q', 'large', '-'), self.local)
                          for _ in range(READERS)])

    def test_connections(self):
        links = [wire.Link.connect(self.main.endpoint) for _ in range(READERS)]
        for link in links:
            self.addCleanup(link.close)
        self.read_slowly([SlowConnection(link) for link in links])


if __name__ == '__main__':
    main()
