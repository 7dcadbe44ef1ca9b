# Locks that outlive the process that took them, that change their mode, that are broken or survive
# the server; and waits that would never end. Read on: test_locks.py.
import json
import re
import signal
import subprocess
import time

from harness import SLOWNESS, SLUICE, SystemTest, main, wait_for


class LockTest(SystemTest):
    def owned(self, *arguments, owner='nightly', ttl='10m'):
        """The token of a lock of a named owner."""
        token = self.ok('lock', '--owner', owner, '--ttl', ttl, *arguments).strip()
        self.assertRegex(token, r'\A[1-9]\d*-[0-9a-f]{16}\Z')
        return token

    def hold(self, *arguments, **options):
        """`sluice lock ARGUMENTS -- cat` in the background, granted; `end` ends it."""
        holder = self.start_sluice('lock', *arguments, '--', 'sh', '-c', 'echo; exec cat',
                                   stdin=subprocess.PIPE, **options)
        self.assertEqual(holder.popen.stdout.readline(), b'\n', holder.log_text())
        return holder

    def end(self, holder, status=0):
        holder.popen.stdin.close()
        self.assertEqual(holder.wait(10), status, holder.log_text())

    def locks(self, state='held'):
        return [lock for lock in self.json('locks') if lock['state'] == state]

    def wait_for_waiters(self, count):
        wait_for(lambda: len(self.locks('waiting')) == count, 10, f'{count} waiters')

    def modes(self):
        return [lock['claims'][0]['mode'] for lock in self.locks()]


class Named(LockTest):
    def setUp(self):
        super().setUp()
        self.server(threads=1, lease=1)

    def test_it_belongs_to_whoever_has_the_token(self):
        token = self.owned('--tree', 'd', 'a')
        [lock] = self.locks()
        self.assertEqual((lock['holder'], len(lock['claims'])), ('nightly', 2))
        self.refused(5, 'mkdir', 'd', says='held by nightly')
        # Not by the lease of the session that took it, which one that was killed later outlives.
        self.hold('z').kill()
        wait_for(lambda: len(self.locks()) == 1, 10, 'the end of a lease')
        self.ok('mkdir', 'd', token=token)
        self.ok('put', '--token', token, self.note, 'd/x')
        self.refused(6, 'put', '--token', token, self.note, 'b', says='does not cover')
        self.ok('unlock', token)
        self.refused(6, 'unlock', token, says='not held')
        self.refused(6, 'rm', '--token', token, 'd/x', says='lock')
        self.ok('rm', 'd/x')

    def test_it_lives_as_long_as_it_is_renewed(self):
        # The waiter must be seen before it ends.
        ttl = round(2 * SLOWNESS)
        token = self.owned('a', ttl=f'{ttl}s')
        self.ok('renew', token)
        begin = time.monotonic()
        while time.monotonic() - begin < 1.5 * ttl:
            self.ok('renew', token)
            time.sleep(0.2)
        waiter = self.start_sluice('lock', '--wait', '1m', 'a', '--', 'true')
        self.wait_for_waiters(1)
        self.assertEqual(waiter.wait(10), 0)
        for command in ('renew', 'unlock', 'downgrade'):
            self.refused(6, command, token, says=f'lock {token.split("-")[0]}: ')

    def test_a_wait_that_is_stopped_leaves_nothing(self):
        token = self.owned('a')
        waiter = self.start_sluice('lock', '--owner', 'other', '--ttl', '1h', '--wait', '1m', 'a')
        self.wait_for_waiters(1)
        waiter.signal(signal.SIGINT)
        result = waiter.output(10)
        self.assertEqual((result.status, result.out), (130, ''))
        self.ok('unlock', token)
        wait_for(lambda: not self.json('locks'), 5, 'no lock')

    def test_it_survives_the_server(self):
        self.put_text('a', 'before')
        tokens = [self.owned('a', ttl='1h'), self.owned('--shared', 'b', owner='weekly')]
        before = [lock['number'] for lock in self.locks()]
        for end in (self.main.kill, self.main.stop, self.main.kill):
            end()
            self.main.start()
            self.assertEqual([lock['number'] for lock in self.locks()], before)
            self.refused(5, 'rm', 'a', says='held by nightly')
            self.ok('put', '--token', tokens[0], self.note, 'a')
            self.ok('renew', tokens[1])
        for token in tokens:
            self.ok('unlock', token)
        self.main.kill()
        self.main.start()
        self.assertEqual(self.json('locks'), [])


class Sessions(LockTest):
    def test_they_survive_a_server_that_is_killed(self):
        self.server(threads=1)
        self.put_text('a', 'before')
        holder = self.start_sluice('lock', 'a', '--', 'sh', '-c',
                                   f'echo; read line; exec {SLUICE} put {self.note} a',
                                   stdin=subprocess.PIPE)
        holder.popen.stdout.readline()
        waiter = self.start_sluice('lock', '--wait', '1m', 'a', '--', str(SLUICE), 'cat', 'a')
        self.wait_for_waiters(1)
        [before] = self.locks()
        self.main.kill()
        self.main.start()
        self.assertEqual([lock['number'] for lock in self.locks()], [before['number']])
        self.refused(5, 'rm', 'a', says=before['holder'])
        self.wait_for_waiters(1)
        self.end(holder)
        result = waiter.output(20)
        self.assertEqual((result.status, result.out, result.err), (0, 'a small file\n', ''))

    def test_idle_they_are_kept_over_it_by_heartbeats(self):
        self.server(threads=1, lease=3)
        holder = self.hold('a')
        self.main.kill()
        self.main.start()
        begin = time.monotonic()
        while time.monotonic() - begin < 6:
            self.assertEqual(len(self.locks()), 1)
            self.assertTrue(holder.running(), holder.log_text())
            time.sleep(0.3)
        self.end(holder)

    def test_a_wait_over_a_restart_is_no_longer_than_was_said(self):
        self.server(threads=1)
        self.owned('a')
        begin = time.monotonic()
        waiters = [self.start_sluice(*command) for command in (
            ('lock', '--wait', '6', 'a', '--', 'true'), ('put', '--wait', '6', self.note, 'a'))]
        self.wait_for_waiters(2)
        time.sleep(max(0, begin + 4 - time.monotonic()))
        self.main.kill()
        self.main.start()
        for waiter in waiters:
            self.assertEqual(waiter.wait(20), 5)
        self.assertLess(time.monotonic() - begin, 9 * SLOWNESS)

    def test_a_broken_lock_ends_its_command_at_once(self):
        self.server(threads=1)
        holder = self.hold('--ttl', '1h', 'a')
        [lock] = self.locks()
        begin = time.monotonic()
        said = self.ok('lock-break', lock['number'])
        self.assertIn(f'lock {lock["number"]} of {lock["holder"]} on a', said)
        self.assertEqual(holder.wait(10), 6)
        self.assertLess(time.monotonic() - begin, 3 * SLOWNESS)
        self.assertRegex(holder.log_text(), r'\Asluice: a: [^\n]*broken; the command was told to '
                         r'end[^\n]*\n\Z')
        self.ok('lock', 'a', '--', 'true')

    def test_what_a_broken_holder_still_does_is_refused(self):
        self.server(threads=1)
        self.put_text('a', 'before')
        done = self.directory / 'done'
        holder = self.start_sluice(
            'lock', '--on-loss', 'ignore', 'a', '--', 'sh', '-c',
            f'echo; read line; {SLUICE} put {self.note} a; echo $? > {done}',
            stdin=subprocess.PIPE)
        holder.popen.stdout.readline()
        self.ok('lock-break', self.locks()[0]['number'])
        wait_for(holder.log_text, 10, 'the loss told')
        self.end(holder, 6)
        self.assertEqual((done.read_text(), self.cat('a')), ('6\n', 'before'))


class Modes(LockTest):
    def setUp(self):
        super().setUp()
        self.server(threads=1)

    def test_an_upgrade_goes_before_those_who_came_later(self):
        token = self.owned('--shared', 'a')
        reader = self.hold('--shared', 'a')
        upgrade = self.start_sluice('upgrade', '--wait', '1m', token)
        wait_for(lambda: 'waits' in self.locks()[0]['holder'], 10, 'the upgrade')
        writer = self.start_sluice('lock', '--wait', '1m', 'a', '--', 'true')
        self.wait_for_waiters(1)
        self.refused(5, 'lock', '--shared', 'a', '--', 'true')
        self.assertEqual(self.modes(), ['shared', 'shared'])
        self.end(reader)
        self.assertEqual(upgrade.wait(10), 0)
        self.assertEqual(self.modes(), ['exclusive'])
        self.assertTrue(writer.running())
        self.ok('put', '--token', token, self.note, 'a')
        self.ok('unlock', token)
        self.assertEqual(writer.wait(10), 0)

    def test_a_downgrade_lets_readers_in_and_keeps_writers_out(self):
        token = self.owned('a')
        readers = [self.start_sluice('lock', '--shared', '--wait', '1m', 'a', '--', 'cat',
                                     stdin=subprocess.PIPE) for _ in range(3)]
        self.wait_for_waiters(3)
        self.ok('downgrade', token)
        wait_for(lambda: self.modes() == ['shared'] * 4, 10, 'all of them')
        self.refused(6, 'put', '--token', token, self.note, 'a', says='does not cover')
        self.refused(5, 'put', self.note, 'a')
        for reader in readers:
            self.end(reader)
        self.ok('upgrade', token)
        self.ok('put', '--token', token, self.note, 'a')

    def test_a_command_changes_the_lock_that_it_runs_under(self):
        script = f'{SLUICE} upgrade && {SLUICE} put {self.note} a && {SLUICE} downgrade'
        self.ok('lock', '--shared', 'a', '--', 'sh', '-c', script)
        self.assertEqual(self.cat('a'), 'a small file\n')

    def test_a_stopped_upgrade_leaves_the_lock_as_it_was(self):
        token, other = self.owned('--shared', 'a'), self.owned('--shared', 'a')
        upgrade = self.start_sluice('upgrade', '--wait', '1m', token)
        wait_for(lambda: 'waits' in self.locks()[0]['holder'], 10, 'the upgrade')
        upgrade.signal(signal.SIGINT)
        self.assertEqual(upgrade.wait(10), 130)
        self.ok('unlock', other)
        self.assertEqual(self.modes(), ['shared'])
        self.ok('renew', token)

    def test_in_the_shell(self):
        script = (f'lock --shared a; locks --json; put {self.note} b; upgrade --wait 1 a; '
                  f'locks --json; put {self.note} a; downgrade /a; locks --json; unlock a')
        lines = [json.loads(line) for line in self.ok('-e', '-c', script).splitlines()]
        self.assertEqual([line['claims'][0]['mode'] for line in lines],
                         ['shared', 'exclusive', 'shared'])
        self.assertEqual({line['own'] for line in lines}, {True})
        self.refused(3, '-c', 'upgrade a', says='this shell holds no such lock')
        # Named, it is nobody's here and stays.
        token = self.ok('-c', 'lock --owner me --ttl 1h a').strip()
        self.refused(5, '-c', f'put {self.note} a', says='held by me')
        self.ok('-c', f'renew {token}; unlock {token}; put {self.note} a')


class Deadlocks(LockTest):
    def setUp(self):
        super().setUp()
        self.server(threads=1)

    def both(self, first, second):
        """`lock FIRST -- lock SECOND`, which begins to wait for the second when told."""
        return self.start_sluice(
            'lock', first, '--', 'sh', '-c',
            f'echo; read line; exec {SLUICE} lock --wait 60 {second} -- true',
            stdin=subprocess.PIPE)

    def test_of_nested_locks(self):
        for count in (2, 3):
            with self.subTest(count=count):
                names = [f'n{i}' for i in range(count)]
                around = [self.both(names[i], names[(i + 1) % count]) for i in range(count)]
                for process in around:
                    process.popen.stdout.readline()
                for i, process in enumerate(around):
                    process.popen.stdin.write(b'now\n')
                    process.popen.stdin.close()
                    if i + 1 < count:
                        self.wait_for_waiters(i + 1)
                # The last one closes the circle, and is told by name; then the others get on.
                self.assertEqual(around[-1].wait(10), 5)
                self.assertIn('waiting for this would never end', around[-1].log_text())
                self.assertEqual(len(re.findall('held by', around[-1].log_text())), count)
                self.assertEqual([process.wait(10) for process in around[:-1]], [0] * (count - 1))

    def test_of_a_lock_with_itself(self):
        self.refused(5, 'lock', 'a', '--', str(SLUICE), 'lock', '--wait', '60', '--tree', '.',
                     '--', 'true', says='would never end')
        self.refused(2, '-e', '-c', 'lock a; lock --wait 60 a', says='holds it itself')
        self.refused(6, '-e', '-c', f'lock --shared a; put --wait 60 {self.note} a',
                     says='holds it itself, but shared')

    def test_of_two_that_upgrade(self):
        first, second = self.owned('--shared', 'a'), self.owned('--shared', 'a')
        upgrade = self.start_sluice('upgrade', '--wait', '60', first)
        wait_for(lambda: 'waits' in self.locks()[0]['holder'], 10, 'the upgrade')
        self.refused(5, 'upgrade', '--wait', '60', second, says='would never end')
        self.ok('unlock', second)
        self.assertEqual(upgrade.wait(10), 0)

    def test_unrelated_waits_are_none(self):
        holder = self.hold('a')
        nested = self.start_sluice('lock', 'b', '--', str(SLUICE), 'lock', '--wait', '60', 'a',
                                   '--', 'true')
        self.wait_for_waiters(1)
        self.end(holder)
        self.assertEqual(nested.wait(10), 0)


if __name__ == '__main__':
    main()
