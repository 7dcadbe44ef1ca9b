# Trees and files there and back: contents, modes, times, odd names, sizes from nothing to large.
import filecmp
import hashlib
import os
import pathlib
import random
import stat
import unittest

from harness import MIB, SystemTest, figure, main

ODD_NAMES = ['with space', ' leading', 'trailing ', '-dash', '--', 'ünï/cödé', '日本語', 'semi;colon',
             "quo'te", 'back\\slash', 'new\nline', '*star*', '$HOME', '.hidden', '~tilde',
             'a' * 255, '[bracket]', '{}', '++', '%%', '#hash', '\x01one', 'emoji-\U0001f980']


def make_tree(root, files):
    """Directories, empty ones too, with files of many sizes, modes and times."""
    drawn = random.Random(7)
    made = 0
    for i in range(60):
        directory = root / f'd{i % 6}' / f'e{i // 6}' / ('deep/er' if i % 7 == 0 else 'x')
        directory.mkdir(parents=True)
        for j in range(files // 60 + 1):
            path = directory / f'file{j}'
            path.write_bytes(drawn.randbytes(drawn.choice([0, 1, 100, 4096, 20000])))
            path.chmod(drawn.choice([0o644, 0o600, 0o755, 0o444, 0o400, 0o640]))
            made += 1
    for name in ODD_NAMES:
        path = root / 'odd' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / 'empty' / 'emptier').mkdir(parents=True)
    (root / 'large').write_bytes(drawn.randbytes(3 * MIB + 17))
    (root / 'private').mkdir(mode=0o700)
    (root / 'private' / 'file').write_text('private')
    everything = [root, *root.rglob('*')]
    for path in sorted(everything, key=lambda p: -len(p.parts)):
        time_ns = drawn.randrange(10**9, 17 * 10**17)
        os.utime(path, ns=(time_ns, time_ns))
    return made


def described(root):
    """Kind, mode, time and digest of everything below a directory."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in names + files:
            path = os.path.join(directory, name)
            info = os.lstat(path)
            content = ''
            if stat.S_ISREG(info.st_mode):
                with open(path, 'rb') as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            found[os.path.relpath(path, root)] = (stat.filemode(info.st_mode), info.st_mtime_ns,
                                                  content)
    return found


class Trees(SystemTest):

    def setUp(self):
        super().setUp()
        self.server(threads=2)

    def there_and_back(self, tree):
        self.ok('put', '-r', tree, 'copy', timeout=240)
        self.ok('get', '-r', 'copy', self.directory / 'back', timeout=240)
        expected, found = described(tree), described(self.directory / 'back')
        self.assertEqual(expected.keys(), found.keys())
        differ = {path: (expected[path], found[path]) for path in expected
                  if expected[path] != found[path]}
        self.assertEqual(differ, {})
        comparison = filecmp.dircmp(tree, self.directory / 'back')
        self.assertEqual((comparison.left_only, comparison.right_only), ([], []))
        self.assert_no_litter()
        self.assert_memory()

    def test_tree(self):
        tree = self.directory / 'tree'
        tree.mkdir()
        self.assertGreaterEqual(make_tree(tree, 3000), 3000)
        self.there_and_back(tree)
        # Names come out of ls as they are: one JSON object a line.
        names = {pathlib.Path(entry['path']).name for entry in self.json('ls', 'copy/odd')}
        self.assertEqual(names, {name.split('/')[0] for name in ODD_NAMES})

    def test_real_tree(self):
        source = pathlib.Path('/usr/include')
        if figure(True, False) or not source.is_dir():
            self.skipTest('only with the full figures')
        tree = self.directory / 'tree'
        self.spawn('cp', '-a', source, tree).wait(120)
        for path in [p for p in tree.rglob('*') if p.is_symlink()]:
            path.unlink()
        self.there_and_back(tree)

    def test_links_and_special_files_are_skipped_with_a_warning_each(self):
        tree = self.directory / 'tree'
        (tree / 'sub').mkdir(parents=True)
        (tree / 'file').write_text('kept')
        (tree / 'link').symlink_to('file')
        (tree / 'sub' / 'dangling').symlink_to('nowhere')
        (tree / 'dirlink').symlink_to('sub')
        os.mkfifo(tree / 'sub' / 'fifo')
        result = self.sluice('put', '-r', tree, 'copy')
        self.assertEqual(result.status, 0, result)
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 4, result.err)
        for name in ('link', 'sub/dangling', 'dirlink', 'sub/fifo'):
            about = [line for line in lines if f'tree/{name}:' in line]
            self.assertEqual(len(about), 1, result.err)
        self.assertEqual({e['path'] for e in self.json('ls', 'copy')},
                         {'copy/file', 'copy/sub'})
        self.assertEqual(self.json('ls', 'copy/sub'), [])

    def test_what_a_get_has_left_unfinished_is_skipped_with_a_warning_each(self):
        tree = self.directory / 'tree'
        tree.mkdir()
        left = ('.sluice-0123456789abcdef', '.file.sluice-part.0123456789abcdef')
        others = ('.sluice-0123456789abcdeg', 'file.sluice-part.0123456789abcdef',
                  '.sluice-part.0123456789abcdef.txt')
        for name in left + others:
            (tree / name).write_text('x')
        for target, *command in (('copy', 'put', '-r', tree, 'copy'),
                                 ('synced', 'sync', tree, ':synced')):
            result = self.sluice(*command)
            self.assertEqual(result.status, 0, result)
            self.assertEqual(sorted(result.err.splitlines()), sorted(
                f'sluice: {tree}/{name}: skipped, as it is left of a get that was cut off'
                for name in left))
            self.assertEqual(sorted(os.listdir(self.main.root / target)), sorted(others))

    def test_put_again_replaces_and_no_clobber_keeps(self):
        tree = self.directory / 'tree'
        tree.mkdir()
        (tree / 'file').write_text('first')
        self.ok('put', '-r', tree, 'copy')
        (tree / 'file').write_text('second')
        self.ok('put', tree / 'file', 'copy/file')
        self.assertEqual(self.cat('copy/file'), 'second')
        self.refused(4, 'put', '-n', tree / 'file', 'copy/file', says='copy/file')
        self.assertEqual(self.cat('copy/file'), 'second')

    def test_served_tree_is_plain_files(self):
        self.ok('mkdir', '-p', 'a/b')
        self.put_text('a/b/c', 'plain')
        self.assertEqual((self.main.root / 'a/b/c').read_text(), 'plain')
        (self.main.root / 'by-hand').write_text('by hand')
        self.assertEqual(self.cat('by-hand'), 'by hand')
        self.assertEqual(self.json('stat', 'by-hand')[0]['version'], 0)


class Files(SystemTest):

    def test_large_file(self):
        self.server(threads=2)
        size_mib = figure(64, 2048)
        source, back = self.directory / 'source', self.directory / 'back'
        digest = hashlib.sha256()
        with open(source, 'wb') as file:
            for _ in range(size_mib):
                piece = os.urandom(MIB)
                digest.update(piece)
                file.write(piece)
        self.ok('put', source, 'large', timeout=600)
        self.ok('get', 'large', back, timeout=600)
        found = hashlib.sha256()
        with open(back, 'rb') as file:
            while piece := file.read(MIB):
                found.update(piece)
        self.assertEqual(found.hexdigest(), digest.hexdigest())
        self.assert_memory()
        self.assert_no_litter()

    def test_sizes_around_the_limits(self):
        self.server(listen=('tcp',))
        leaf, chunk = 128 << 10, 1 << 20
        for size in (0, 1, leaf - 1, leaf, leaf + 1, 2 * leaf, chunk - 1, chunk, chunk + 1,
                     3 * chunk + leaf, 17 * chunk + 5):
            content = random.Random(size).randbytes(size)
            source = self.directory / f's{size}'
            source.write_bytes(content)
            self.ok('put', source, f'f{size}')
            self.assertEqual(self.ok('cat', f'f{size}', binary=True), content)
            self.ok('get', f'f{size}', self.directory / 'back')
            self.assertEqual((self.directory / 'back').read_bytes(), content)
            (self.directory / 'back').unlink()

    def test_standard_streams(self):
        self.server()
        for content in (b'', b'short\n', os.urandom(5 * MIB + 3)):
            self.ok('put', '-', 'stream', input=content)
            self.assertEqual(self.ok('cat', 'stream', binary=True), content)
            self.assertEqual(self.ok('get', 'stream', '-', binary=True), content)

    def test_copy_and_move(self):
        self.server()
        content = os.urandom(2 * MIB + 1)
        self.ok('put', '-', 'a', input=content)
        self.ok('cp', 'a', 'b')
        self.ok('mv', 'a', 'c')
        self.refused(3, 'cat', 'a', says='a:')
        for name in 'bc':
            self.assertEqual(self.ok('cat', name, binary=True), content)
        versions = [self.json('stat', name)[0]['version'] for name in 'bc']
        self.assertGreater(versions[0], versions[1], 'a copy has a version of its own')
        self.ok('rm', 'b', 'c')
        self.assertEqual(self.json('ls'), [])


if __name__ == '__main__':
    main()
