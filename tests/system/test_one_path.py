# Many writers and readers at one path, and a slow reader whose file is replaced under it.
import hashlib
import json
import os
import threading
import time

from harness import MIB, SystemTest, figure, main, test_program, wait_for


class OnePath(SystemTest):

    def writers_and_readers(self):
        helper = self.spawn(test_program('one_path'), self.main.endpoint, figure(5, 20))
        result = helper.output(figure(60, 120))
        self.assertEqual(result.status, 0, result.err)
        counts = json.loads(result.out)
        self.assertGreater(counts['puts'], 50, counts)
        self.assertGreater(counts['gets'], 25, counts)
        self.assertGreater(counts['versions_seen'], 5, counts)
        print(f'\n  {counts}', flush=True)
        self.assert_no_litter()
        self.assert_memory()

    def test_every_read_is_one_whole_version(self):
        self.server(threads=2)
        self.writers_and_readers()

    def test_with_worker_processes_over_ipc(self):
        self.server(threads=0, workers='ipc')
        self.worker()
        self.worker()
        self.writers_and_readers()

    def test_with_worker_processes_over_tcp(self):
        self.server(listen=('tcp',), threads=0, workers='tcp')
        self.worker()
        self.worker()
        self.writers_and_readers()


class SlowReader(SystemTest):

    def make_file(self, size_mib):
        digest = hashlib.sha256()
        source = self.directory / 'source'
        with open(source, 'wb') as file:
            for _ in range(size_mib):
                piece = os.urandom(MIB)
                digest.update(piece)
                file.write(piece)
        self.ok('put', source, 'big', timeout=300)
        return digest.hexdigest()

    def slow_get_meets(self, disturb):
        """Reads the first bytes of `big`, has it disturbed, then reads the rest slowly."""
        size_mib = figure(128, 1024)
        expected = self.make_file(size_mib)
        reader = self.start_sluice('cat', 'big')
        stream = reader.popen.stdout
        digest = hashlib.sha256()
        digest.update(stream.read(MIB))
        done = threading.Event()
        failures = []

        def disturbance():
            try:
                disturb()
            except BaseException as failure:  # told in the main thread
                failures.append(failure)
            done.set()

        thread = threading.Thread(target=disturbance)
        thread.start()
        read = 1
        while piece := stream.read(MIB):
            digest.update(piece)
            read += 1
            # As slow as it takes for the disturbance to be over by the middle.
            if read < size_mib // 2 and not done.is_set():
                time.sleep(0.05)
            if read == size_mib // 2:
                wait_for(done.is_set, 60, 'the disturbance')
        thread.join()
        if failures:
            raise failures[0]
        self.assertEqual(reader.wait(30), 0, reader.log_text())
        self.assertEqual(digest.hexdigest(), expected)
        self.assert_no_litter()
        self.assert_memory()

    def test_replace(self):
        self.server()

        def replace():
            for i in range(5):
                self.ok('put', '-', 'big', input=bytes([i]) * (i * 3 * MIB))

        self.slow_get_meets(replace)
        self.assertEqual(self.json('stat', 'big')[0]['size'], 12 * MIB)

    def test_rename_and_delete(self):
        self.server()

        def move():
            self.ok('mv', 'big', 'other')
            self.put_text('big', 'new')
            self.ok('rm', 'other')
            self.ok('rm', 'big')

        self.slow_get_meets(move)
        self.assertEqual(self.json('ls'), [])

    def test_directory_removed(self):
        self.server()
        self.ok('mkdir', 'd')
        content = os.urandom(figure(32, 256) * MIB)
        self.ok('put', '-', 'd/big', input=content)
        reader = self.start_sluice('cat', 'd/big')
        begin = reader.popen.stdout.read(MIB)
        self.ok('rm', '-r', 'd')
        rest = reader.popen.stdout.read()
        self.assertEqual(reader.wait(30), 0, reader.log_text())
        self.assertTrue(begin + rest == content)
        self.assert_no_litter()

    def test_reader_that_goes_away_leaves_nothing(self):
        self.server(lease=1)
        self.ok('put', '-', 'big', input=os.urandom(32 * MIB))
        reader = self.start_sluice('cat', 'big')
        reader.popen.stdout.read(MIB)
        self.assertEqual(len(list(self.main.own('snapshots').iterdir())), 1)
        reader.kill()
        self.assert_no_litter()


if __name__ == '__main__':
    main()
