# `sluice verify` as docs/commands.md has it, row by row; and over many files, large ones, and a
# restart of the server. What is flipped where: test_flipped_bytes.py.
import json
import os

import harness
from harness import MIB, wait_for
from row_test import RowTest, row


def flip(path, offset):
    """Changes one byte of a file; its times stay."""
    before = path.stat()
    with open(path, 'r+b') as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class Verifying(RowTest):
    @row('verify', '')
    def test_verify(self):
        self.tree()
        (self.main.root / 'x' / 'foreign').write_text('not ours')
        self.assertRegex(self.text('x/file0', 'x/sub/in'),
                         r'\A2 files, 5 B in [\d.]+s: no damage\n\Z')
        good, total = self.objects('x/file0')
        version = self.json('stat', 'x/file0')[0]['version']
        self.assertEqual(good, {'path': 'x/file0', 'state': 'good', 'version': version, 'size': 2,
                                'damage': '', 'ranges': []})
        self.assertEqual({**total, 'elapsed_ms': 0}, {'files': 1, 'bytes': 2, 'damaged': 0,
                                                      'no_digest': 0, 'elapsed_ms': 0})
        done = self.sluice('verify', 'x/foreign')
        self.assertEqual(done.status, 0)
        self.assertRegex(done.out, r'\A1 file, 0 B in [\d.]+s: no damage, 1 without a digest\n\Z')
        self.assertIn('x/foreign: no digest is stored with it', done.err)
        self.assertEqual(self.objects('x/foreign')[0]['state'], 'no_digest')
        self.fails(3, 'none', says='none')
        self.fails(4, 'x', says='is a directory')
        flip(self.main.root / 'x' / 'file1', 1)
        done = self.sluice('verify', 'x/file0', 'x/file1')
        self.assertEqual(done.status, 9, done)
        self.assertIn(': 1 damaged\n', done.out)
        self.assertIn('x/file1: the stored bytes are not those that were stored (its bytes have '
                      'changed: bytes 0 to 1); ', done.err)
        self.assertIn('1 file, 2 B in ', self.sluice('verify', 'none', 'x/file0').out)

    @row('verify', '-r')
    def test_verify_recursive(self):
        self.tree()
        (self.main.root / 'x' / 'foreign').write_text('not ours')
        self.assertRegex(self.text('-r', '.'), r'\A6 files, 11 B in [\d.]+s: no damage, '
                         r'1 without a digest\n\Z')
        foreign, total = self.objects('-r', 'x')
        self.assertEqual((foreign['path'], foreign['state']), ('x/foreign', 'no_digest'))
        self.assertEqual((total['files'], total['no_digest']), (6, 1))
        flip(self.main.root / 'x' / 'sub' / 'in', 0)
        os.symlink('file0', self.main.root / 'x' / 'link')
        self.addCleanup((self.main.root / 'x' / 'link').unlink)
        done = self.sluice('--json', 'verify', '-r', 'x')
        self.assertEqual(done.status, 9)
        found = {value['path']: value for value in map(json.loads, done.out.splitlines()[:-1])}
        self.assertEqual(set(found), {'x/foreign', 'x/sub/in'})
        self.assertEqual(found['x/sub/in']['ranges'], [{'offset': 0, 'length': 3}])
        for value in found.values():
            self.assert_fits(value, 'finding')
        warning, error = sorted(map(json.loads, done.err.splitlines()), key=lambda v: 'error' in v)
        self.assert_fits(warning, 'warning')
        self.assertEqual((warning['path'], error['error'], error['path']),
                         ('x/link', 'damaged', 'x/sub/in'))

    @row('verify', '--progress')
    def test_verify_progress(self):
        self.tree()
        done = self.sluice('verify', '--progress', '-r', 'x')
        self.assertEqual(done.status, 0)
        self.assertRegex(done.err, r'\A(sluice: [^\n]*\n)+\Z')
        self.assertEqual(self.objects('--progress', '-r', 'x')[0]['files'], 5)
        self.fails(2, '--progress', '-q', 'x', says='not for each other')

    @row('verify', '-q', '--quiet')
    def test_verify_quiet(self):
        self.tree()
        self.silent('-q', '-r', 'x')
        self.silent('--quiet', 'x/file0')
        self.assertEqual(self.objects('-q', 'x/file0')[-1]['files'], 1)
        flip(self.main.root / 'x' / 'file0', 0)
        self.assertEqual(self.refused(9, 'verify', '-q', '-r', 'x', says='x/file0').out, '')
        self.fails(2, '-q', '--progress', 'x', says='not for each other')


class Large(harness.SystemTest):
    def test_several_workers_and_a_restart(self):
        """Pieces go through all workers; a server that is killed and started again is asked for the
        rest."""
        server = self.server(threads=1, workers='ipc')
        self.worker()
        wait_for(lambda: '"workers":2' in self.ok('--json', 'ping').replace(' ', ''), 10, 'both')
        size = harness.figure(192, 2048) * MIB
        local = self.directory / 'large'
        with open(local, 'wb') as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))
        self.ok('put', local, 'large', timeout=300)
        flip(server.root / 'large', size - 1)
        flip(server.root / 'large', 0)
        first, last = {'offset': 0, 'length': 1 << 17}, {'offset': size - (1 << 17),
                                                         'length': 1 << 17}
        client = self.start_sluice('--json', 'verify', *['large'] * 8)
        server.kill()
        server.start()
        done = client.output(120)
        self.assertEqual(done.status, 9, done)
        found = [json.loads(line) for line in done.out.splitlines()]
        self.assertEqual([value['ranges'] for value in found[:-1]], [[first, last]] * 8)
        self.assertEqual((found[-1]['damaged'], found[-1]['bytes']), (8, 8 * size))
        self.assert_no_litter()
        self.assert_memory()

    def test_stopped(self):
        self.server()
        with open(self.main.root / 'large', 'wb') as file:
            file.truncate(1 << 20)
        for i in range(300):
            self.put_text(f'file{i}', 'x' * i)
        client = self.start_sluice('verify', '-r', *['.'] * 200)
        client.signal(2)
        self.assertIn(client.wait(20), (130, -2))


if __name__ == '__main__':
    harness.main()
