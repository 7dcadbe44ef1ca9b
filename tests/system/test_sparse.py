# Files with holes: a get leaves them out of the local file, and a copy on the server keeps them.
import os

from harness import MIB, SystemTest, main


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

    def test_copy_keeps_holes(self):
        self.write_sparse(self.main.root / 'by-hand')
        self.ok('cp', 'by-hand', 'copy')
        self.check(self.main.root / 'copy')
        self.ok('verify', '-r', '.')


if __name__ == '__main__':
    main()
