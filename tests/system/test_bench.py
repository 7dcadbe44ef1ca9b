# sluice-bench: what each of its operations leaves on the server and says of itself. The figures
# mean nothing here.
import json
import os

from harness import BENCH, SystemTest, main


class Bench(SystemTest):

    def bench(self, *words, status=0):
        result = self.spawn(BENCH, '--server', self.main.endpoint, *words, '--json').output(60)
        self.assertEqual(result.status, status, result.err)
        return json.loads(result.out) if status == 0 else result.err

    def check(self, said, op, clients):
        self.assertEqual((said['op'], said['clients'], said['errors']), (op, clients, 0), said)
        self.assertGreater(said['ops'], 0, said)
        figures = [said[f'{each}_us'] for each in ('p50', 'p90', 'p99', 'p999', 'max')]
        self.assertEqual(figures, sorted(figures), said)
        self.assertGreater(figures[0], 0, said)
        steps = said['histogram_us']
        self.assertEqual([at for at, _ in steps], sorted({at for at, _ in steps}), said)
        self.assertEqual(sum(count for _, count in steps), said['ops'], said)
        self.assertEqual(steps[-1][0], said['max_us'], said)

    def files(self):
        return [os.path.join(at, name) for at, directories, names in os.walk(self.main.root)
                if '.sluice' not in at for name in names]

    def test_one_request_at_a_time(self):
        self.server(threads=2)
        for op in ('get', 'put', 'lock', 'lock-contended'):
            said = self.bench('--op', op, '--clients', 3, '--seconds', 0.2)
            self.check(said, op, 3)

    def test_large(self):
        self.server(threads=2)
        for op in ('get', 'put'):
            said = self.bench('--op', op, '--size', 3_000_000, '--clients', 2, '--seconds', 0.2)
            self.check(said, op, 2)

    def test_sync(self):
        self.server(threads=2)
        said = self.bench('--op', 'sync', '--size', 3_000_000, '--clients', 2, '--seconds', 0.2)
        self.check(said, 'sync', 2)
        self.assertEqual([os.path.getsize(file) for file in self.files()], [3_000_000] * 2)
        self.bench('--op', 'sync', '--size', 1 << 20, status=2)

    def test_trees(self):
        self.server(threads=2)
        said = self.bench('--op', 'put-many', '--files', 1100, '--size', 100, '--seconds', 0.1)
        self.check(said, 'put-many', 1)
        files = self.files()
        self.assertEqual(len(files), said['ops'])
        self.assertEqual(len(files) % 1100, 0)
        self.assertEqual({os.path.getsize(file) for file in files}, {100})
        said = self.bench('--op', 'get-many', '--files', 300, '--clients', 2, '--seconds', 0.1)
        self.check(said, 'get-many', 2)
        self.assertEqual(said['ops'] % 300, 0)
        self.assertEqual(len(self.files()), len(files) + 2 * 300)

    def test_warm_up_does_not_count(self):
        self.server(threads=2)
        said = self.bench('--op', 'put', '--seconds', 0.1, '--warm-up', 1)
        self.check(said, 'put', 1)
        self.assertLess(said['ops'], len(self.files()))
        said = self.bench('--op', 'put-many', '--files', 50, '--seconds', 0.1, '--warm-up', 0.5)
        self.check(said, 'put-many', 1)

    def test_durability(self):
        self.server(threads=2)
        for op, size in (('put', 100), ('put', 3_000_000), ('put-many', 100), ('sync', 3_000_000)):
            said = self.bench('--op', op, '--size', size, '--files', 20, '--durability', 'relaxed',
                              '--seconds', 0.1)
            self.check(said, op, 1)
        # What it is good for: a relaxed one without a record is gone after a restart.
        for durability in ('full', 'relaxed'):
            self.bench('--op', 'put-many', '--files', 20, '--size', 100, '--seconds', 0.1,
                       '--durability', durability)
            last = max(self.json('ls', '-l', '-R'), key=lambda entry: entry['version'])['path']
            self.main.kill()
            for segment in self.main.own('log').iterdir():
                segment.write_bytes(segment.read_bytes().replace(last.encode(), b'x' * len(last)))
            self.main.start()
            self.assertEqual((self.main.root / last).exists(), durability == 'full')

    def test_what_cannot_be(self):
        self.server(threads=1)
        self.bench('--op', 'put', '--durability', 'none', status=2)
        self.assertIn('files of a tree have up to 131072 bytes',
                      self.bench('--op', 'put-many', '--size', 131073, status=2))
        self.main.stop()
        self.assertIn('sluice-bench: ', self.bench('--op', 'get', '--seconds', 0.1, status=1))


if __name__ == '__main__':
    main()
