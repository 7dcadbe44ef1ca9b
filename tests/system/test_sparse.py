# Files with holes: a get leaves them out of the local file, a put tells them and does not send
# them, and a copy on the server keeps them.
import os
import time

from harness import MIB, SLOWNESS, SystemTest, main


class Sparse(SystemTest):
    def setUp(self):
        super().setUp()
        self.server(threads=1)
        self.first, self.last = os.urandom(MIB // 2), os.urandom(777)
        # Data, a hole, data, and a hole at the end.
        self.content = bytearray(40 * MIB)
        self.content[:len(self.first)] = self.first
        self.content[20 * MIB:20 * MIB + len(self.last)] = self.last
        probe = self.directory / 'probe'
        self.write_sparse(probe)
        if self.bytes_used(probe) > 8 * MIB:
            self.skipTest('the filesystem of TMPDIR has no holes')

    def write_sparse(self, path):
        with open(path, 'wb') as file:
            file.write(self.first)
            file.seek(20 * MIB)
            file.write(self.last)
            file.truncate(len(self.content))

    @staticmethod
    def bytes_used(path):
        return os.stat(path).st_blocks * 512

    def check(self, path, most=2 * MIB):
        self.assertEqual(path.read_bytes(), self.content)
        self.assertLess(self.bytes_used(path), most)

    def test_get_leaves_holes(self):
        full = self.directory / 'full'
        full.write_bytes(self.content)
        self.ok('put', full, 'file')
        local = self.directory / 'local'
        self.ok('get', 'file', local)
        self.check(local)

    def test_nothing_but_a_hole(self):
        zeros = self.directory / 'zeros'
        zeros.write_bytes(bytes(5 * MIB + 3))
        self.ok('put', zeros, 'zeros')
        local = self.directory / 'local'
        self.ok('get', 'zeros', local)
        self.assertEqual(local.read_bytes(), zeros.read_bytes())
        self.assertLess(self.bytes_used(local), MIB)

    def test_zeros_over_other_bytes(self):
        """A sync takes the old file for what it has in common with the new one."""
        tree = self.directory / 'tree'
        tree.mkdir()
        (tree / 'file').write_bytes(self.content)
        self.ok('put', '-r', tree, 'tree')
        other = bytearray(self.content)
        other[5 * MIB:30 * MIB] = b'x' * (25 * MIB)
        (tree / 'file').write_bytes(other)
        self.ok('sync', ':tree', tree)
        self.check(tree / 'file')

    def stored(self, path):
        return self.main.root / path

    def test_put_keeps_holes(self):
        local = self.directory / 'local'
        self.write_sparse(local)
        self.ok('put', local, 'file')
        self.check(self.stored('file'))
        self.ok('verify', 'file')
        self.ok('get', 'file', self.directory / 'back')
        self.check(self.directory / 'back')

    def test_put_over_what_is_there(self):
        local = self.directory / 'local'
        local.write_bytes(os.urandom(len(self.content)))
        self.ok('put', local, 'file')
        self.write_sparse(local)
        self.ok('put', local, 'file')
        self.check(self.stored('file'))
        self.ok('verify', 'file')

    def test_sync_keeps_holes(self):
        """Upwards, first of all of it and then of what has changed."""
        tree = self.directory / 'tree'
        tree.mkdir()
        self.write_sparse(tree / 'file')
        self.ok('sync', tree, ':tree')
        self.check(self.stored('tree/file'))
        with open(tree / 'file', 'r+b') as file:
            file.seek(30 * MIB)
            file.write(self.last)
        self.content[30 * MIB:30 * MIB + len(self.last)] = self.last
        self.ok('sync', tree, ':tree')
        self.check(self.stored('tree/file'))
        self.ok('verify', '-r', 'tree')

    def test_bytes_of_every_kind(self):
        """Holes that begin and end inside of leaves, zeros that were written, one leaf alone."""
        local = self.directory / 'local'
        content = bytearray(9 * MIB + 5)
        with open(local, 'wb') as file:
            for offset, size in ((0, 4096), (1 * MIB + 70_000, 200_000), (5 * MIB - 1, 2),
                                 (7 * MIB, 128 << 10), (9 * MIB, 5)):
                some = os.urandom(size)
                content[offset:offset + size] = some
                file.seek(offset)
                file.write(some)
            file.seek(3 * MIB)
            file.write(bytes(MIB))
        self.ok('put', local, 'file')
        self.assertEqual(self.stored('file').read_bytes(), content)
        self.ok('verify', 'file')

    def test_large_hole(self):
        local = self.directory / 'local'
        with open(local, 'wb') as file:
            file.seek(2048 * MIB)
            file.write(self.first)
            file.truncate(4096 * MIB)
        begun = time.monotonic()
        self.ok('put', local, 'file')
        seconds = time.monotonic() - begun
        print(f'    4 GiB of holes: put in {seconds:.2f} s', flush=True)
        # Some tenths of a second, unless somebody reads or writes the zeros on the way.
        self.assertLess(seconds, 8 * SLOWNESS)
        self.assertEqual(self.stored('file').stat().st_size, 4096 * MIB)
        self.assertLess(self.bytes_used(self.stored('file')), 4 * MIB)
        with open(self.stored('file'), 'rb') as file:
            file.seek(2048 * MIB)
            self.assertEqual(file.read(len(self.first) + MIB), self.first + bytes(MIB))

    def test_larger_than_the_disk(self):
        free = os.statvfs(self.main.root)
        size = free.f_bavail * free.f_frsize + 1024 * MIB
        if size > 512 * 1024 * MIB:
            self.skipTest('the disk is too large for it')
        local = self.directory / 'local'
        with open(local, 'wb') as file:
            file.write(self.first)
            file.truncate(size)
        self.ok('put', local, 'file', timeout=120)
        self.assertEqual(self.stored('file').stat().st_size, size)
        self.assertLess(self.bytes_used(self.stored('file')), 96 * MIB)

    def test_copy_keeps_holes(self):
        self.write_sparse(self.main.root / 'by-hand')
        self.ok('cp', 'by-hand', 'copy')
        self.check(self.main.root / 'copy')
        self.ok('verify', '-r', '.')


if __name__ == '__main__':
    main()
