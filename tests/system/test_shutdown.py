# SIGTERM and SIGINT: no new requests, what runs is finished, clients are told, exit 0 within 5 s.
import json
import os
import signal
import subprocess
import time
import unittest

from harness import FULL, MIB, SystemTest, main, test_program, wait_for, without_progress


class Shutdown(SystemTest):

    def test_idle(self):
        self.server(listen=('ipc', 'tcp'))
        self.put_text('a', 'kept')
        self.assertLess(self.main.stop(), 3)
        self.assertEqual(self.main.litter(), [])
        self.main.start()
        self.assertEqual(self.cat('a'), 'kept')
        self.main.process.signal(signal.SIGINT)
        self.assertEqual(self.main.process.wait(5), 0)

    def test_twice_is_no_more_than_once(self):
        self.server()
        self.main.process.signal(signal.SIGTERM)
        self.main.process.signal(signal.SIGTERM)
        self.assertEqual(self.main.process.wait(5), 0)

    def test_with_idle_clients_and_workers(self):
        self.server(threads=0, workers='ipc')
        worker = self.worker()
        holder = self.start_sluice('lock', 'a', '--', 'cat', stdin=subprocess.PIPE)
        wait_for(lambda: self.json('locks'), 10, 'the grant')
        self.main.stop()
        self.assertTrue(worker.running() and holder.running())

    def wait_on_a_lock(self):
        """A holder, and two that wait for it."""
        self.server()
        holder = self.start_sluice('lock', 'a', '--', 'cat', stdin=subprocess.PIPE)
        wait_for(lambda: self.json('locks'), 10, 'the grant')
        lock = self.start_sluice('lock', '--wait', '60', 'a', '--', 'true')
        put = self.start_sluice('put', '--wait', '60', __file__, 'a')
        wait_for(lambda: len(self.json('locks')) == 3, 10, 'two waiters')
        self.main.stop()
        return holder, (lock, put)

    def test_waiters_go_on_when_it_is_back(self):
        holder, waiters = self.wait_on_a_lock()
        self.main.start()
        # The lock is still held, and they wait again.
        wait_for(lambda: len(self.json('locks')) == 3, 20, 'the holder and two waiters')
        holder.popen.stdin.close()
        self.assertEqual(holder.wait(10), 0, holder.log_text())
        for waiter in waiters:
            self.assertEqual(waiter.wait(10), 0, waiter.log_text())

    @unittest.skipUnless(FULL, 'takes as long as a client tries: 30 s')
    def test_waiters_are_told_when_it_stays_away(self):
        _, waiters = self.wait_on_a_lock()
        for waiter in waiters:
            self.assertEqual(waiter.wait(40), 8, waiter.log_text())
            self.assertRegex(without_progress(waiter.log_text()), r'\A[^\n]{10,600}\n\Z')

    def test_under_load(self):
        self.server(threads=2, lease=2)
        changes = self.spawn(test_program('changes'), self.main.endpoint, 8, stdin=-1)
        self.ok('put', '-', 'big', input=os.urandom(64 * MIB))
        reader = self.start_sluice('cat', 'big')
        reader.popen.stdout.read(MIB)
        wait_for(lambda: len(list((self.main.root / 'c7').rglob('f*'))) > 3, 20, 'load')
        self.main.stop()
        # The clients go on where they were when it is back, or were told.
        self.main.start()
        time.sleep(0.5)
        result = changes.output(60)
        for line in result.err.splitlines():
            self.assertIn('shutting down', line)
        steps = json.loads(result.out.splitlines()[-1])['steps']
        self.assertGreater(steps, 8)
        reader.cleanup()
        self.assert_no_litter()

    def test_unfinished_upload_leaves_nothing_in_the_tree(self):
        self.server(lease=1)
        upload = self.start_sluice('put', '-', 'half', stdin=subprocess.PIPE)
        upload.popen.stdin.write(os.urandom(8 * MIB))
        upload.popen.stdin.flush()
        self.main.stop()
        upload.cleanup()
        self.main.start()
        self.refused(3, 'stat', 'half')
        self.assert_no_litter()


if __name__ == '__main__':
    main()
