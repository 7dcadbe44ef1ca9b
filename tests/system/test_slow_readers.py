# Sixty-four clients that read one large file slowly, all at once: the server's memory stays small,
# however much of the file there still is, and each of them gets its bytes at its own pace.
import os
import random
import time

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


class Reader:
    """A client that writes into a pipe, and the slow end of that pipe."""

    def __init__(self, client):
        self.client = client
        self.stream = client.popen.stdout
        os.set_blocking(self.stream.fileno(), False)
        self.got = 0

    def read(self, most):
        """What of it is there by now; None: it has ended."""
        data = self.stream.read(most) if most > 0 else None
        self.got += len(data or b'')
        return b'' if data is None else data or None


class SlowReaders(SystemTest):

    def setUp(self):
        super().setUp()
        self.server(listen=('tcp',), threads=2)
        drawn = random.Random(2)
        block = drawn.randbytes(MIB - 8)
        local = self.directory / 'large'
        with open(local, 'wb') as file:
            for i in range(FILE_MIB):
                file.write(i.to_bytes(8, 'little') + block)
        self.ok('put', '-q', local, 'large', timeout=300)
        self.local = open(local, 'rb')
        self.addCleanup(self.local.close)

    def read_in_turn(self, readers, begin):
        """Brings each reader to where its pace has it by now."""
        due = int((time.monotonic() - begin) * READ_BYTES_PER_S)
        for i, reader in enumerate(readers):
            at = reader.got
            data = reader.read(max(due - at, 0))
            self.assertIsNotNone(data, f'reader {i} ended: {reader.client.log_text()}')
            if os.pread(self.local.fileno(), len(data), at) != data:
                self.fail(f'reader {i} got other bytes at {at}')

    def test_memory(self):
        readers = [Reader(self.start_sluice('get', '-q', 'large', '-')) for _ in range(READERS)]
        begin = grown = time.monotonic()
        stable = 0
        while time.monotonic() - begin < SECONDS or time.monotonic() - grown < STABLE_S:
            self.read_in_turn(readers, begin)
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


if __name__ == '__main__':
    main()
