# Very many names: a directory of a million that is listed at once and in little memory, and trees
# of a hundred thousand files that are stopped on the way and done in a second run.
import os
import signal
import time
import unittest

from harness import SLOWNESS, SystemTest, figure, main, wait_for

MOST_CLIENT_BYTES = 40 * 1000 * 1000


def make_empty_files(directory, count):
    directory.mkdir()
    handle = os.open(directory, os.O_RDONLY)
    for i in range(count):
        os.close(os.open(f'sample-{i:07d}', os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=handle))
    os.close(handle)


def bytes_of_children():
    """What ended children have read and written with read(2) and write(2), sockets left out, and
    this process, too."""
    with open('/proc/self/io', encoding='ascii') as file:
        values = dict(line.split(': ') for line in file.read().splitlines())
    return int(values['rchar']) + int(values['wchar'])


class HugeDirectory(SystemTest):
    def setUp(self):
        super().setUp()
        self.server()
        self.names = figure(30_000, 1_000_000)
        make_empty_files(self.main.root / 'big', self.names)

    def listed(self, *options):
        """Lists it all; the client must begin at once and stay small."""
        begin = time.monotonic()
        client = self.start_sluice('ls', *options, 'big')
        stream = client.popen.stdout
        lines = [stream.readline()]
        self.assertLess(time.monotonic() - begin, 1 * SLOWNESS, 'until the first line')
        # What is left does not fit into the pipe, so the client is still there to be asked.
        lines += [stream.readline() for _ in range(self.names * 8 // 10)]
        if SLOWNESS == 1:
            self.assertLess(client.peak_memory_bytes(), MOST_CLIENT_BYTES)
        lines += stream.readlines()
        self.assertEqual(client.wait(60), 0, client.log_text())
        return {line.split()[-1] for line in lines}

    def test_it_is_listed_at_once_and_in_little_memory(self):
        for options in ((), ('-l',)):
            self.assertEqual(len(self.listed(*options)), self.names)
        self.assert_memory()

    def test_listing_it_can_be_stopped(self):
        client = self.start_sluice('ls', 'big')
        self.assertTrue(client.popen.stdout.readline())
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(5), 130)
        self.assertRegex(client.log_text(), r'\Asluice: [^\n]*before it was done[^\n]*\n\Z')


class ManyFiles(SystemTest):
    SIZE = 12_000

    def setUp(self):
        super().setUp()
        self.server()
        self.files = figure(2_000, 100_000)
        self.tree = self.directory / 'tree'
        for i in range(self.files):
            path = self.tree / f'd{i % 20}' / f'f{i}'
            if i < 20:
                path.parent.mkdir(parents=True)
            path.write_bytes(b'%d' % i * (self.SIZE // len(str(i))))

    @staticmethod
    def files_in(directory):
        return sum(len(files) for _, _, files in os.walk(directory) if files)

    def stopped(self, target, *command):
        """Begins and stops in the middle; gives how many files are there by then."""
        client = self.start_sluice(*command)
        wait_for(lambda: self.files_in(target) > self.files // 10, 60, 'a tenth of the files')
        client.signal(signal.SIGINT)
        self.assertEqual(client.wait(5), 130, client.log_text())
        self.assertIn('before it was done', client.log_text())
        there = self.files_in(target)
        self.assertLess(there, self.files, 'too fast to be stopped in the middle')
        return there

    def finished(self, there, *command):
        """The second run does what the first has left, the third nothing."""
        [second] = self.json(*command, timeout=300)
        self.assertEqual((second['kept'], second['files']), (there, self.files - there))
        before = bytes_of_children()
        [third] = self.json(*command, timeout=300)
        self.assertEqual((third['kept'], third['files']), (self.files, 0))
        self.assertLess(bytes_of_children() - before, self.files * self.SIZE // 2)

    def test_a_put_is_stopped_and_the_next_does_only_what_is_left(self):
        there = self.stopped(self.main.root / 'tree', 'put', '-r', self.tree, '.')
        self.assert_no_litter()
        self.finished(there, 'put', '-r', '-n', self.tree, '.')
        self.assertEqual(self.files_in(self.main.root / 'tree'), self.files)

    def test_a_get_is_stopped_and_the_next_does_only_what_is_left(self):
        self.ok('put', '-q', '-r', self.tree, 'copy', timeout=300)
        back = self.directory / 'back'
        back.mkdir()
        there = self.stopped(back / 'copy', 'get', '-r', 'copy', back)
        self.finished(there, 'get', '-r', '-n', 'copy', back)
        self.assertEqual(self.files_in(back / 'copy'), self.files)

    def test_a_dot_behind_a_tree_means_what_is_in_it(self):
        part = f'{self.tree}/d0'
        self.ok('put', '-q', '-r', part, 'copy')
        [again] = self.json('put', '-r', '-n', f'{part}/.', 'copy')
        self.assertEqual((again['kept'], again['files']), (self.files // 20, 0))
        self.ok('get', '-q', '-r', 'copy', self.directory / 'back')
        [again] = self.json('get', '-r', '-n', 'copy/.', self.directory / 'back')
        self.assertEqual((again['kept'], again['files']), (self.files // 20, 0))

    def test_each_of_very_many_operands_is_named(self):
        count = figure(10_100, 20_000)
        make_empty_files(self.directory / 'flat', count)
        stored = self.json('put', *sorted((self.directory / 'flat').iterdir()), '.', timeout=120)
        self.assertEqual(len({change['path'] for change in stored}), count)

    def test_what_is_no_file_there_is_an_error(self):
        (self.main.root / 'copy' / 'd0' / 'f0').mkdir(parents=True)
        self.refused(4, 'put', '-r', '-n', self.tree / 'd0', 'copy', says='f0: is a directory')


if __name__ == '__main__':
    main()
