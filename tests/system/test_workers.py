# Worker processes: joining, being refused, killed, stopped and continued in the middle of work.
import json
import os
import signal
import unittest

from harness import FULL, MIB, SystemTest, figure, main, test_program, wait_for

STALL_SECONDS = 10


class WorkerTest(SystemTest):

    transport = 'ipc'

    def begin(self, **options):
        self.server(listen=(self.transport,), threads=0, workers=self.transport, **options)
        self.workers = [self.worker(), self.worker()]
        self.wait_for_workers(2)

    def wait_for_workers(self, count, server=None):
        wait_for(lambda: self.json('ping', server=server)[0]['workers'] == count, 10,
                 f'{count} workers')

    def steady(self, what, amount, clients, disturb=None):
        """Runs the load, disturbs it when a third is done, and checks what came of it."""
        load = self.spawn(test_program('steady'), self.main.endpoint, what, amount, clients)
        wait_for(lambda: 'under way' in load.log_text() or not load.running(), 120,
                 f'{what} to be under way')
        self.assertTrue(load.running(), f'{what} was over too soon: {load.log_text()}')
        if disturb:
            disturb()
        result = load.output(240)
        self.assertEqual(result.status, 0, result.err)
        outcome = json.loads(result.out)
        self.assertEqual(outcome['wrong'], 0)
        self.assertLess(outcome['stall_s'], STALL_SECONDS, what)
        return outcome['stall_s']


class Together(WorkerTest):
    """Two workers and nothing in the way."""

    def test_files_there_and_back(self):
        self.begin()
        content = os.urandom(figure(16, 2048) * MIB)
        self.ok('put', '-', 'large', input=content, timeout=300)
        self.assertTrue(self.ok('cat', 'large', binary=True, timeout=300) == content)
        self.ok('mkdir', '-p', 'a/b')
        for i in range(20):
            self.put_text(f'a/b/{i}', f'number {i}')
        self.ok('mv', 'a/b', 'c')
        self.ok('cp', 'c/3', 'c/copy')
        self.assertEqual(self.cat('c/copy'), 'number 3')
        self.ok('rm', '-r', 'c')
        self.refused(3, 'stat', 'c/3')
        self.assert_no_litter()
        self.assert_memory()

    def test_locks(self):
        self.begin()
        holder = self.start_sluice('lock', 'a', '--', 'cat', stdin=-1)
        wait_for(lambda: self.json('locks'), 10, 'the lock')
        self.refused(5, 'put', '-', 'a', input=b'other', says=str(holder.pid))
        waiter = self.start_sluice('put', '--wait', '30', self.note, 'a')
        # A parked request holds no slot and no worker.
        self.put_text('b', 'meanwhile')
        self.assertTrue(waiter.running())
        holder.popen.stdin.close()
        holder.popen.stdin = None
        self.assertEqual(waiter.wait(10), 0, waiter.log_text())

    def test_requests_before_the_first_worker_wait_for_it(self):
        self.server(listen=(self.transport,), threads=0, workers=self.transport)
        early = self.start_sluice('mkdir', 'early')
        self.workers = [self.worker()]
        self.assertEqual(early.wait(10), 0, early.log_text())

    @unittest.skipUnless(FULL, 'takes as long as a client tries: 30 s and more')
    def test_without_workers_clients_are_told(self):
        self.server(listen=(self.transport,), threads=0, workers=self.transport)
        result = self.sluice('stat', 'a', timeout=120)
        self.assertEqual(result.status, 8, result)
        note, failure = result.err.splitlines()
        self.assertIn('no worker serves this root just now; asking again for up to 30 s', note)
        self.assertIn('no worker serves this root just now', failure)

    def test_all_workers_dead(self):
        self.server(listen=(self.transport,), threads=0, workers=self.transport)
        self.workers = [self.worker()]
        self.put_text('file', 'file')
        self.workers[0].kill()
        waiting = [self.start_sluice('cat', 'file') for _ in range(2)]
        log = self.main.process.log_text
        wait_for(lambda: 'no worker serves the root: 2 requests wait' in log(), 20, 'server told')
        for client in waiting:
            wait_for(lambda: 'no worker serves this root just now; asking again' in
                     client.log_text(), 20, 'client told')
        self.workers = [self.worker()]
        for client in waiting:
            result = client.output(20)
            self.assertEqual((result.status, result.out), (0, 'file'), result)
            self.assertEqual(result.err.count('\n'), 1, result)
        self.assertEqual(log().count('no worker serves the root'), 1)
        self.assertEqual(log().count('a worker serves the root again'), 1)

    def test_workers_leave_in_good_order(self):
        self.begin()
        self.workers[0].signal(signal.SIGTERM)
        self.assertEqual(self.workers[0].wait(5), 0)
        self.wait_for_workers(1)
        self.put_text('a', 'still served')


class TogetherTcp(Together):
    transport = 'tcp'


class Lost(WorkerTest):
    """One of two workers goes in the middle; clients must not notice more than a pause."""

    small = figure(250, 1000)
    clients = 4
    large_mib = figure(256, 2048)

    def worker_lost(self, disturb, after=lambda: None):
        self.begin()
        stalls = {}
        for what, amount, clients in (('put-small', self.small, self.clients),
                                      ('get-small', 2 * self.small, self.clients),
                                      ('put-large', self.large_mib, 1),
                                      ('get-large', self.large_mib, 1)):
            if what == 'get-small':
                amount = self.small
            stalls[what] = self.steady(what, amount, clients, disturb)
            after()
        print(f'\n  longest stalls in s: {stalls}', flush=True)
        self.assert_no_litter()
        self.assert_memory()
        names = {str(p.relative_to(self.main.root / 'small'))
                 for p in (self.main.root / 'small').glob('*/*')}
        self.assertEqual(names, {f'{c}/{i}' for c in range(self.clients)
                                 for i in range(1, self.small + 1)})

    def test_killed(self):
        def replace():
            self.workers = [w for w in self.workers if w.running()] + [self.worker()]
            self.wait_for_workers(2)

        self.worker_lost(lambda: self.workers[0].kill(), replace)

    def test_stopped(self):
        # It comes back in the middle of the next load, and must do no harm then.
        def stop():
            self.workers[0].signal(signal.SIGSTOP)

        def go_on():
            self.workers[0].signal(signal.SIGCONT)
            self.wait_for_workers(2)
            self.workers.reverse()

        self.worker_lost(stop, go_on)

    def test_stopped_and_continued_under_load(self):
        self.begin()

        def stop_and_go_on():
            self.workers[0].signal(signal.SIGSTOP)
            wait_for(lambda: self.json('ping')[0]['workers'] == 1, 10, 'the worker to be given up')
            self.workers[0].signal(signal.SIGCONT)

        self.steady('put-large', self.large_mib, 2, stop_and_go_on)
        self.wait_for_workers(2)
        self.steady('get-large', self.large_mib, 2, None)
        self.assert_no_litter()

    def test_both_killed_and_replaced(self):
        self.begin()

        def replace_all():
            for worker in self.workers:
                worker.kill()
            self.workers = [self.worker(), self.worker()]

        self.steady('put-small', 4 * self.small, self.clients, replace_all)
        self.steady('put-large', self.large_mib, 1, replace_all)


class LostTcp(Lost):
    transport = 'tcp'

    def test_stopped_and_continued_under_load(self):
        self.skipTest('over ipc')

    def test_both_killed_and_replaced(self):
        self.skipTest('over ipc')


class FaultPoint(WorkerTest):
    """A worker that stops before it asks for a commit, and wakes when its request has another."""

    def stop_at_the_fault_point(self, *arguments, **options):
        self.server(threads=0, workers='ipc', lease=1)
        self.stopping = self.spawn(test_program('stopping_worker'), self.main.root,
                                   self.main.workers_endpoint)
        self.wait_for_workers(1)
        client = self.start_sluice(*arguments, **options)
        self.assertEqual(self.stopping.popen.stdout.readline(), b'stopping\n')
        return client

    def go_on(self):
        before = json.loads(self.ok('--json', 'stat', 'a'))
        self.stopping.signal(signal.SIGCONT)
        self.wait_for_workers(2)
        self.assertEqual(self.cat('a'), 'later')
        self.assertEqual(json.loads(self.ok('--json', 'stat', 'a')), before)
        self.put_text('b', 'still served')
        self.assert_no_litter()

    def given_to_another(self, size):
        self.note.write_bytes(b'x' * size)
        client = self.stop_at_the_fault_point('put', self.note, 'a')
        self.worker()
        self.assertEqual(client.wait(20), 0, client.log_text())
        self.put_text('a', 'later')
        self.go_on()

    def test_small_put_given_to_another(self):
        self.given_to_another(100)

    def test_upload_given_to_another(self):
        self.given_to_another(3 * MIB)

    def test_client_loses_its_lock(self):
        client = self.stop_at_the_fault_point('lock', 'a', '--', 'sluice', 'put', self.note, 'a')
        client.signal_group(signal.SIGKILL)
        wait_for(lambda: not self.json('locks'), 10, 'the lock to end with its lease')
        self.worker()
        self.put_text('a', 'later')
        self.go_on()


class Joining(WorkerTest):

    def refused_worker(self, worker, says):
        self.assertEqual(worker.wait(10), 1, worker.log_text())
        self.assertRegex(worker.log_text(), r'\A[^\n]{10,400}\n\Z')
        self.assertIn(says, worker.log_text())

    def test_another_root_is_refused(self):
        self.begin()
        other = self.server()
        self.refused_worker(self.worker(root=other.root), 'another root')
        self.put_text('a', 'still served')

    def test_a_root_never_served_is_refused(self):
        self.begin()
        empty = self.directory / 'empty'
        empty.mkdir()
        self.refused_worker(self.worker(root=empty), str(empty))
        self.refused_worker(self.worker(root=self.directory / 'missing'), 'missing')

    def test_worker_before_the_broker(self):
        self.server(threads=0, workers=self.transport)
        self.main.stop()
        worker = self.worker()
        self.main.start()
        self.wait_for_workers(1)
        self.assertTrue(worker.running())
        self.put_text('a', 'served')

    def broker_restarted(self, end):
        self.begin()
        self.put_text('a', 'before')
        for _ in range(3):
            end()
            self.main.start()
            self.wait_for_workers(2)
            self.assertEqual(self.cat('a'), 'before')
            self.put_text('b', 'after')
        for worker in self.workers:
            self.assertTrue(worker.running(), worker.log_text())

    def test_broker_restarted_under_the_workers(self):
        self.broker_restarted(lambda: self.main.stop())

    def test_broker_killed_under_the_workers(self):
        self.broker_restarted(lambda: self.main.kill())


class JoiningTcp(Joining):
    transport = 'tcp'


if __name__ == '__main__':
    main()
