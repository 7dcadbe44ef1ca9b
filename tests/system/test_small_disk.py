# A server on a small disk: what it keeps for itself (the log, its old segments, small files to be
# written over, the trash) gives way to what clients store, and a full disk is left by removing.
import os
import random
import subprocess
import unittest

from harness import MIB, SystemTest, main

KIB = 1 << 10


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, check=False).returncode


class SmallDisk(SystemTest):

    def disk(self, mib):
        """A server whose root is an ext4 file system of so many MiB of its own."""
        root = self.directory / 'root'
        root.mkdir()
        image = self.directory / 'image'
        with open(image, 'wb') as file:
            file.truncate(mib * MIB)
        if run('mkfs.ext4', '-q', '-m', '0', image) != 0 or \
                run('mount', '-o', 'loop', image, root) != 0:
            self.skipTest('cannot mount a small file system here')
        self.addCleanup(run, 'umount', root)
        self.addCleanup(lambda: self.main.process.cleanup())
        self.server(root=root, threads=2)
        self.local = self.directory / 'local'
        self.local.mkdir()

    def free_bytes(self):
        status = os.statvfs(self.main.root)
        return status.f_bavail * status.f_frsize

    def write_names(self, drawn, most_bytes, count=100):
        """New bytes for each of the names; small ones are as likely as large ones."""
        for i in range(count):
            size = int(4 * KIB * (most_bytes / (4 * KIB)) ** drawn.random())
            (self.local / f'file{i}').write_bytes(drawn.randbytes(size))

    def stored(self):
        return {path.name: path.read_bytes() for path in self.main.root.rglob('*')
                if path.is_file() and '.sluice' not in path.parts}

    def local_files(self):
        return {path.name: path.read_bytes() for path in self.local.iterdir()}

    def put_again_and_again(self, mib):
        self.disk(mib)
        drawn = random.Random(mib)
        written = 0
        while written < 4 * mib * MIB:
            self.write_names(drawn, MIB)
            self.ok('put', '-r', self.local, '.')
            written += sum(path.stat().st_size for path in self.local.iterdir())
        self.assertEqual(self.stored(), self.local_files())
        self.main.kill()
        self.main.start()
        self.assertEqual(self.stored(), self.local_files())
        self.ok('verify', '-r', '.')

    def test_same_names_on_64_mib(self):
        self.put_again_and_again(64)

    def test_same_names_on_200_mib(self):
        self.put_again_and_again(200)

    # All of it goes through the log, and one at a time.
    def test_small_files_only(self):
        self.disk(55)
        drawn = random.Random(3)
        written = 0
        while written < 220 * MIB:
            self.write_names(drawn, 128 * KIB)
            self.ok('put', '-r', self.local, '.')
            written += sum(path.stat().st_size for path in self.local.iterdir())
        self.assertEqual(self.stored(), self.local_files())

    def fill(self, drawn, size, prefix):
        """Puts files until there is no room; gives what was acknowledged."""
        acknowledged = {}
        while True:
            name = f'{prefix}{len(acknowledged)}'
            content = drawn.randbytes(size)
            result = self.sluice('put', '-', name, input=content)
            if result.status != 0:
                self.assertEqual(result.status, 1, result)
                says = rf'\Asluice: {name}: no space left on the server[^\n]*\n\Z'
                self.assertRegex(result.err, says)
                return acknowledged
            acknowledged[name] = content
            self.assertLess(len(acknowledged), 5000)

    def test_a_full_disk_is_left_by_removing(self):
        self.disk(64)
        drawn = random.Random(5)
        there = self.fill(drawn, MIB, 'large')
        # The log has the room of a share of the disk, and no more.
        self.assertGreater(len(there), 30)
        there |= self.fill(drawn, 100 * KIB, 'small')
        there |= self.fill(drawn, 4 * KIB, 'tiny')
        self.assertLess(self.free_bytes(), 2 * MIB)
        for size, prefix in ((MIB, 'large'), (100 * KIB, 'small')) * 3:
            for name in [name for name in there if name.startswith(prefix)][:2]:
                self.ok('rm', name)
                del there[name]
            there['next'] = drawn.randbytes(size)
            self.ok('put', '-', 'next', input=there['next'])
            self.ok('rm', 'next')
            del there['next']
            self.assertEqual(self.stored(), there)
            self.assertTrue(self.main.process.running())
        self.assertNotIn('no change is made', self.main.process.log_text())
        self.main.kill()
        self.main.start()
        self.assertEqual(self.stored(), there)


if __name__ == '__main__':
    main()
