# `sluice watch` beside those whose changes it sees: order, nothing missing and nothing twice, a
# reader that is slow, a server that is restarted or ends, locks, and Ctrl-C in the shell.
import json
import signal

from harness import SLUICE, SystemTest, figure, main, wait_for
from terminal import Terminal


class Watch(SystemTest):

    def setUp(self):
        super().setUp()
        self.server()

    def put(self, path, text='x'):
        """The version that is stored."""
        [change] = [json.loads(line) for line in
                    self.ok('--json', 'put', '-', path, input=text.encode()).splitlines()]
        return change['version']

    def watch(self, *arguments, since=None):
        """Follows from now on: what happens after this has returned is seen."""
        since = self.put('.begin') if since is None else since
        return self.start_sluice('--json', 'watch', '--from', since, *arguments)

    def next(self, watcher):
        """The next event, without its version."""
        line = watcher.popen.stdout.readline()
        self.assertTrue(line, watcher.log_text())
        event = json.loads(line)
        self.assertGreater(event.pop('version'), 0)
        return event

    def interrupt(self, watcher):
        watcher.signal(signal.SIGINT)
        self.assertEqual(watcher.wait(10), 130)
        self.assertEqual(json.loads(watcher.log_text())['exit'], 130)


class Following(Watch):

    def test_each_change_as_it_happens(self):
        watcher = self.watch('-r', 'd')
        self.ok('mkdir', '-p', 'd/e')
        self.assertEqual(self.next(watcher), {'kind': 'make_directory', 'path': 'd'})
        self.assertEqual(self.next(watcher), {'kind': 'make_directory', 'path': 'd/e'})
        # Once more makes nothing.
        self.ok('mkdir', '-p', 'd/e')
        self.put('elsewhere')
        self.put('d/a')
        self.assertEqual(self.next(watcher), {'kind': 'put', 'path': 'd/a'})
        self.ok('mv', 'd/a', 'b')
        self.assertEqual(self.next(watcher), {'kind': 'rename', 'path': 'd/a', 'to_path': 'b'})
        self.ok('cp', 'b', 'd/e/c')
        self.assertEqual(self.next(watcher), {'kind': 'put', 'path': 'd/e/c'})
        self.refused(3, 'rm', 'd/none')
        self.ok('rm', '-r', 'd')
        self.assertEqual(self.next(watcher), {'kind': 'remove', 'path': 'd'})
        self.interrupt(watcher)

    def test_locks(self):
        watcher = self.watch('a')
        self.ok('lock', '--shared', '--tree', '.', '--', 'true')
        lock, unlock = self.next(watcher), self.next(watcher)
        self.assertEqual((lock['kind'], lock['path'], lock['mode'], lock['scope']),
                         ('lock', '', 'shared', 'tree'))
        self.assertEqual((unlock['kind'], unlock['number'], unlock['ending']),
                         ('unlock', lock['number'], 'released'))
        holder = self.start_sluice('lock', '--ttl', '1', 'a', '--', 'sleep', '60')
        lock = self.next(watcher)
        self.assertEqual((lock['kind'], lock['scope']), ('lock', 'path'))
        self.assertTrue(lock['holder'].endswith(f':{holder.pid}'), lock)
        holder.signal(signal.SIGSTOP)
        unlock = self.next(watcher)
        self.assertEqual((unlock['kind'], unlock['ending'], unlock['holder']),
                         ('unlock', 'expired', lock['holder']))
        holder.signal(signal.SIGCONT)
        self.assertEqual(holder.wait(10), 6)
        self.interrupt(watcher)

    def test_nothing_is_missing_and_nothing_twice(self):
        """Many changes by several at once, and a reader that does not read meanwhile."""
        count = figure(10_000, 50_000)
        tree = self.directory / 'tree'
        for part in range(4):
            (tree / str(part)).mkdir(parents=True)
            for i in range(count // 4):
                (tree / str(part) / f'{i}').write_text('x')
        since = self.put('.begin')
        slow = self.watch('-r', 'many', since=since)
        self.ok('mkdir', 'many')
        writers = [self.start_sluice('put', '-q', '-r', tree / str(part), f'many/{part}')
                   for part in range(4)]
        for writer in writers:
            self.assertEqual(writer.wait(100), 0, writer.log_text())
        last = self.put('many/end')
        events = []
        while not events or events[-1]['version'] < last:
            events.append(json.loads(slow.popen.stdout.readline()))
        self.interrupt(slow)
        versions = [event['version'] for event in events]
        self.assertEqual(versions, sorted(set(versions)))
        puts = {event['path']: event['version'] for event in events if event['kind'] == 'put'}
        stored = {entry['path']: entry['version'] for entry in self.json('ls', '-R', 'many')
                  if entry['kind'] == 'file'}
        self.assertEqual(len(stored), count + 1)
        self.assertEqual(puts, stored)
        # And once more, from the history.
        again = [json.loads(line) for line in self.ok(
            '--json', 'watch', '-r', '--from', since, '--count', len(events), 'many').splitlines()]
        self.assertEqual(again, events)
        self.assert_memory()

    def test_many_watchers(self):
        since = self.put('.begin')
        watchers = [self.start_sluice('watch', '--from', since, '--count', '1', f'd{i % 5}')
                    for i in range(figure(20, 100))]
        wait_for(lambda: self.json('ping')[0]['jobs_under_way'] >= len(watchers), 20, 'all wait')
        for i in range(5):
            self.put(f'd{i}')
        for i, watcher in enumerate(watchers):
            result = watcher.output(10)
            self.assertEqual((result.status, result.out.split()[1:]), (0, ['put', f'd{i % 5}']))

    def test_nobody_reads_it(self):
        watcher = self.watch()
        watcher.popen.stdout.close()
        watcher.popen.stdout = None
        wait_for(lambda: self.put('a') and not watcher.running(), 10, 'the end')
        self.assertEqual(watcher.log_text(), '')


class Restarts(Watch):

    def test_a_server_that_is_killed_is_a_gap(self):
        watcher = self.watch()
        self.put('before')
        self.assertEqual(self.next(watcher), {'kind': 'put', 'path': 'before'})
        self.main.kill()
        self.main.start()
        self.assertEqual(self.next(watcher), {'kind': 'gap'})
        self.put('after')
        self.assertEqual(self.next(watcher), {'kind': 'put', 'path': 'after'})
        self.interrupt(watcher)

    def test_a_server_that_ends_does_not_wait_for_watchers(self):
        watcher = self.watch()
        self.put('a')
        self.next(watcher)
        self.assertLess(self.main.stop(), 5)
        self.assertTrue(watcher.running())
        self.interrupt(watcher)

    def test_a_frozen_server_and_a_frozen_watcher_lose_nothing(self):
        watcher = self.watch()
        self.main.process.signal(signal.SIGSTOP)
        writer = self.start_sluice('put', self.note, 'a')
        self.main.process.signal(signal.SIGCONT)
        self.assertEqual(writer.wait(20), 0)
        self.assertEqual(self.next(watcher), {'kind': 'put', 'path': 'a'})
        watcher.signal(signal.SIGSTOP)
        self.put('b')
        self.put('c')
        watcher.signal(signal.SIGCONT)
        self.assertEqual([self.next(watcher)['path'] for _ in range(2)], ['b', 'c'])
        self.interrupt(watcher)


class InShell(Watch):

    def test_interrupt_ends_the_watch_and_not_the_shell(self):
        self.ok('mkdir', 'd')
        terminal = Terminal(self.directory, [SLUICE], self.environment(), 'shell')
        self.addCleanup(terminal.close)
        terminal.wait('>$')
        terminal.run('cd d').wait('/d>$')
        terminal.run('watch')
        wait_for(lambda: self.put('d/a') and 'put' in terminal.screen(), 10, 'an event')
        terminal.wait(r'^ +\d+ put +d/a$')
        terminal.press('C-c').wait('/d>$')
        terminal.run('ls').wait(r'^a$')


if __name__ == '__main__':
    main()
