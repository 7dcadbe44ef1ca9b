# One byte that changes: on the wire, in staging, on the disk. Each is found, and nothing is ever
# served as good that is not what was stored. In memory: tests/unit/client/verify_test.cpp,
# download_test.cpp, tests/unit/workers/verify_test.cpp.
import json
import os
import random
import signal

from flipping_proxy import FlippingProxy
from harness import MIB, SystemTest, figure, main, wait_for
from test_verify import flip

KIB = 1024
LEAF = 128 * KIB
ALWAYS = 1 << 30
SEED = 5970


class OnTheWire(SystemTest):
    """What arrives is what was sent, or is refused."""

    def setUp(self):
        super().setUp()
        self.server(listen=('tcp', 'ipc'))
        self.drawn = random.Random(SEED)

    def proxy(self, to_server, hits, least_bytes=64 * KIB):
        proxy = FlippingProxy(self.main.endpoints[0], to_server, hits, least_bytes,
                              self.drawn.random())
        self.addCleanup(proxy.close)
        return proxy

    def local(self, size):
        path = self.directory / f'local-{size}'
        path.write_bytes(self.drawn.randbytes(size))
        return path

    def test_puts(self):
        for size in (100 * KIB, 9 * MIB + 5):
            for hits in (1, 2, ALWAYS):
                with self.subTest(size=size, hits=hits):
                    local = self.local(size)
                    self.put_text('a', 'before')
                    proxy = self.proxy(True, hits)
                    done = self.sluice('put', local, 'a', server=proxy.endpoint)
                    self.assertGreater(proxy.hits, 0)
                    # A small file is tried once more, each chunk of a larger one twice.
                    goes_on = hits == 1 or (hits == 2 and size > MIB)
                    self.assertEqual(done.status, 0 if goes_on else 9, done)
                    if done.status == 9:
                        self.assertIn('the bytes that arrived are not those that were sent',
                                      done.err)
                    stored = self.ok('cat', 'a', binary=True)
                    self.assertEqual(stored, local.read_bytes() if done.status == 0 else b'before')
        self.assert_no_litter()

    def test_gets(self):
        for size in (100 * KIB, 9 * MIB + 5):
            local = self.local(size)
            self.ok('put', local, 'a')
            for hits in (1, 2, ALWAYS):
                with self.subTest(size=size, hits=hits):
                    got = self.directory / 'got'
                    got.unlink(missing_ok=True)
                    proxy = self.proxy(False, hits)
                    done = self.sluice('get', 'a', got, server=proxy.endpoint)
                    self.assertGreater(proxy.hits, 0)
                    self.assertEqual(done.status, 0 if hits < ALWAYS else 9, done)
                    if done.status == 0:
                        self.assertEqual(got.read_bytes(), local.read_bytes())
                    else:
                        self.assertFalse(got.exists())
                        self.assertIn('not those that were stored', done.err)
                    self.assertEqual([], [path.name for path in self.directory.glob('.got*')])

    def test_a_large_put_goes_on_after_some_hits(self):
        """Chunks that arrive damaged are sent again, and nothing else of the file."""
        size = 20 * MIB
        local = self.local(size)
        proxy = self.proxy(True, 3, MIB)
        done = self.sluice('--json', 'put', local, 'a', server=proxy.endpoint)
        self.assertEqual((proxy.hits, done.status), (3, 0), done)
        self.assertEqual(self.ok('cat', 'a', binary=True), local.read_bytes())
        self.assertLess(json.loads(done.out)['sent_bytes'], size + 4 * MIB)
        self.assert_no_litter()

    def test_small_files_of_a_tree(self):
        """Many in one message: the one that is hit goes by itself then."""
        tree = self.directory / 'tree'
        tree.mkdir()
        for i in range(6):
            (tree / f'file{i}').write_bytes(self.drawn.randbytes(20 * KIB))
        for to_server, command in ((True, ('put', '-r', tree, 'tree')),
                                   (False, ('get', '-r', 'tree', self.directory / 'got'))):
            proxy = self.proxy(to_server, 1)
            done = self.sluice(*command, server=proxy.endpoint)
            self.assertEqual((proxy.hits, done.status), (1, 0), done)
        for path in tree.iterdir():
            self.assertEqual((self.directory / 'got' / path.name).read_bytes(), path.read_bytes())

    def test_a_large_get_goes_on_after_some_hits(self):
        """Chunks that arrive damaged are asked for again."""
        local = self.local(20 * MIB)
        self.ok('put', local, 'a')
        proxy = self.proxy(False, 3, MIB)
        got = self.directory / 'got'
        done = self.sluice('get', 'a', got, server=proxy.endpoint)
        self.assertEqual((proxy.hits, done.status), (3, 0), done)
        self.assertEqual(got.read_bytes(), local.read_bytes())


class InStaging(SystemTest):
    def setUp(self):
        super().setUp()
        self.server()
        self.local = self.directory / 'local'
        piece = random.Random(SEED).randbytes(MIB)
        self.local.write_bytes(piece * figure(256, 1024))

    def staged(self):
        """The upload under way once its first bytes are there."""
        for path in self.main.own('staging').iterdir():
            if not path.name.endswith('.leaves') and begins_with_bytes(path):
                return path
        return None

    def test_a_byte_that_changes_before_the_commit(self):
        """The commit finds it, the upload is dropped, and the client sends all anew."""
        for _ in range(20):
            client = self.start_sluice('put', self.local, 'a')
            path = wait_for(lambda: self.staged() or not client.running(), 30, 'first bytes')
            if path is True:
                continue
            client.signal(signal.SIGSTOP)
            try:
                flip(path, 5)
            except FileNotFoundError:
                # It was committed already.
                client.signal(signal.SIGCONT)
                client.wait(60)
                continue
            client.signal(signal.SIGCONT)
            self.assertEqual(client.wait(120), 0, client.log_text())
            if 'bytes of the upload changed after they had arrived' in self.main.process.log_text():
                break
        else:
            self.fail('no upload was caught before its commit')
        self.ok('verify', '-q', 'a')
        self.assertEqual(self.ok('cat', 'a', binary=True), self.local.read_bytes())
        self.assert_no_litter()

    def test_a_byte_that_changes_after_it(self):
        """What waits for a lock has been looked at; whoever reads it is told."""
        holder = self.start_sluice('lock', 'a', '--', 'cat', stdin=-1)
        wait_for(lambda: self.json('locks'), 10, 'the lock')
        client = self.start_sluice('put', '--wait', '60', self.local, 'a')
        wait_for(lambda: len(self.json('locks')) == 2, 60, 'the commit')
        flip(self.staged(), 5)
        holder.popen.stdin.close()
        self.assertEqual(client.wait(60), 0, client.log_text())
        self.refused(9, 'verify', '-q', 'a', says='its bytes have changed: bytes 0 to 131071')
        self.assertEqual(self.sluice('cat', 'a', binary=True).status, 9)


def begins_with_bytes(path):
    try:
        with open(path, 'rb') as file:
            return any(file.read(16))
    except FileNotFoundError:
        return False


class OnDisk(SystemTest):
    def setUp(self):
        super().setUp()
        self.server()
        self.small = self.directory / 'small'
        self.small.write_bytes(random.Random(SEED).randbytes(5000))
        self.large = self.directory / 'large'
        self.large.write_bytes(random.Random(SEED).randbytes(3 * MIB + 17))
        for name in ('small', 'large'):
            self.ok('put', self.directory / name, name)

    def version_of(self, path):
        return self.json('stat', path)[0]['version']

    def found(self, path, *ranges, copies=True):
        """Everybody who reads the file is told, and nobody gets it."""
        self.assertEqual(self.sluice('cat', path).status, 9)
        got = self.directory / 'got'
        self.refused(9, 'get', path, got, says=f'{path}: the stored bytes are not those')
        self.assertFalse(got.exists())
        if copies and self.sluice('cp', path, 'copy').status != 9:
            # A filesystem that shares blocks copies without reading.
            self.assertEqual(self.sluice('cat', 'copy').status, 9)
        done = self.sluice('--json', 'verify', path)
        self.assertEqual(done.status, 9, done)
        finding = json.loads(done.out.splitlines()[0])
        self.assertEqual((finding['path'], finding['state']), (path, 'damaged'))
        self.assertEqual([(r['offset'], r['length']) for r in finding['ranges']], list(ranges))
        return finding['damage']

    def test_a_small_file(self):
        for offset in (0, 2500, 4999):
            with self.subTest(offset=offset):
                self.ok('put', self.small, 'small')
                flip(self.main.root / 'small', offset)
                self.found('small', (0, 5000))

    def test_a_large_file(self):
        last = 3 * MIB
        for offset, damaged in ((0, (0, LEAF)), (13 * LEAF - 1, (12 * LEAF, LEAF)),
                                (last + 16, (last, 17))):
            with self.subTest(offset=offset):
                self.ok('put', self.large, 'large')
                flip(self.main.root / 'large', offset)
                self.found('large', damaged)

    def test_the_leaves(self):
        leaves = self.main.own('digests', f'{self.version_of("large"):016x}')
        flip(leaves, 16 * 5 + 3)
        # A copy on the server gets new ones.
        self.assertIn('the bytes are those that were stored', self.found('large', copies=False))

    def test_lost_leaves(self):
        """The root digest is enough to read the file; that they are gone is told."""
        self.main.own('digests', f'{self.version_of("large"):016x}').unlink()
        self.assertEqual(self.ok('cat', 'large', binary=True), self.large.read_bytes())
        self.refused(9, 'verify', '-q', 'large', says='the digests of its leaves are missing; the '
                     'bytes are those that were stored')

    def test_the_attribute(self):
        stamp = os.getxattr(self.main.root / 'small', 'user.sluice')
        for at in range(len(stamp)):
            flipped = bytearray(stamp)
            flipped[at] ^= 1 << at % 8
            os.setxattr(self.main.root / 'small', 'user.sluice', bytes(flipped))
            self.refused(9, 'verify', '-q', 'small', says='its attributes cannot be read')
        self.found('small')
        os.setxattr(self.main.root / 'small', 'user.sluice', stamp)
        self.ok('verify', 'small')

    def test_the_size(self):
        for name in ('small', 'large'):
            size = (self.main.root / name).stat().st_size
            os.truncate(self.main.root / name, size - 1)
            self.assertIn(f'it has {size - 1} bytes where {size} were stored', self.found(name))


if __name__ == '__main__':
    main()
