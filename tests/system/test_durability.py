# Relaxed puts: a killed server loses none of them, and what a power loss has torn is not given out.
# The power is not cut here: the files are torn by hand, as a disk may leave them.
import os

from harness import MIB, SystemTest, main


class Durability(SystemTest):
    def setUp(self):
        super().setUp()
        self.server(threads=1, lease=1)
        self.small = self.directory / 'small'
        self.small.write_bytes(b'small\n')
        self.large = self.directory / 'large'
        self.large.write_bytes(os.urandom(3 * MIB + 17))

    def put(self, local, remote, durability='relaxed'):
        self.ok('put', '--durability', durability, local, remote)

    def digest(self, path):
        return self.json('stat', path)[0].get('digest')

    def test_a_killed_server_loses_nothing(self):
        self.ok('mkdir', 'd')
        for i in range(20):
            self.put(self.small, f'd/small{i}')
        self.put(self.large, 'd/large')
        self.ok('mv', 'd/large', 'd/renamed')
        self.put(self.large, 'd/small0')
        self.main.kill()
        self.main.start()
        self.assertEqual((self.main.root / 'd/renamed').read_bytes(), self.large.read_bytes())
        self.assertEqual((self.main.root / 'd/small0').read_bytes(), self.large.read_bytes())
        for i in range(1, 20):
            self.assertEqual((self.main.root / f'd/small{i}').read_bytes(), b'small\n')
        self.ok('verify', '-r', '.')

    def test_a_torn_one_is_gone(self):
        self.put(self.large, 'full', 'full')
        self.put(self.large, 'torn')
        self.put(self.large, 'empty')
        self.put(self.large, 'whole')
        self.main.kill()
        with open(self.main.root / 'torn', 'r+b') as file:
            file.seek(MIB)
            file.write(bytes(4096))
        os.truncate(self.main.root / 'empty', 0)
        self.main.start()
        self.assertEqual(sorted(os.listdir(self.main.root)), ['.sluice', 'full', 'whole'])
        self.assertIn('2 relaxed puts were lost with the power', self.main.process.log_text())
        self.ok('verify', '-r', '.')
        # Gone as if it had never been.
        self.put(self.large, 'torn')
        self.ok('verify', '-r', '.')

    def test_each_command_that_stores_files_says_it(self):
        tree = self.directory / 'tree'
        tree.mkdir()
        self.large.rename(tree / 'large')
        self.ok('put', '--durability', 'full', tree / 'large', 'large')
        for durability in ('full', 'relaxed'):
            how = ('--durability', durability)
            self.ok('put', '-r', *how, tree, f'put-{durability}')
            self.ok('sync', *how, tree, f':sync-{durability}')
            self.ok('-e', '-c', f'mkdir cp-{durability}; cd cp-{durability}; '
                    f'cp --durability {durability} /large large')
        self.main.kill()
        stored = sorted(path.parent.name for path in self.main.root.glob('*-*/large'))
        self.assertEqual(len(stored), 6)
        for name in stored:
            with open(self.main.root / name / 'large', 'r+b') as file:
                file.seek(MIB)
                file.write(bytes(4096))
        self.main.start()
        left = sorted(path.parent.name for path in self.main.root.glob('*-*/large'))
        self.assertEqual(left, ['cp-full', 'put-full', 'sync-full'])

    def test_one_without_a_record_is_gone(self):
        self.put(self.small, 'first')
        self.put(self.small, 'second')
        self.put(self.small, 'logged', 'full')
        self.main.kill()
        # The record of the last one, and with it all behind it, as if it had not reached the disk.
        [segment] = [path for path in (self.main.own('log')).iterdir()
                     if b'second' in path.read_bytes()]
        at = segment.read_bytes().index(b'second')
        with open(segment, 'r+b') as file:
            file.seek(at)
            file.write(b'S')
        self.main.start()
        self.assertEqual(sorted(os.listdir(self.main.root)), ['.sluice', 'first'])
        self.assertEqual(self.ok('cat', 'first'), 'small\n')

    def test_a_relaxed_server(self):
        server = self.server(threads=1, options=['--durability', 'relaxed'])
        for _ in range(2):
            for local in (self.small, self.large):
                for durability in ([], ['--durability', 'full']):
                    self.ok('put', *durability, local, 'file', server=server)
                    self.assertEqual((server.root / 'file').read_bytes(), local.read_bytes())
        server.kill()
        server.start()
        self.assertEqual((server.root / 'file').read_bytes(), self.large.read_bytes())
        self.ok('verify', '-r', '.', server=server)


if __name__ == '__main__':
    main()
