# `sluice sync` as docs/commands.md has it, row by row; trees both ways, what is in the way, what
# failed, and a run that was stopped. Read on: client/shell/sync.hpp.
import json
import os
import random
import signal
import stat

import harness
from harness import MIB, wait_for
from row_test import RowTest, row
from test_trees import described, make_tree


class Syncing(RowTest):
    def setUp(self):
        super().setUp()
        self.local = self.tree()
        self.there = self.main.root / 'x'

    def steps(self, *arguments):
        """What a dry run would do."""
        return sorted(self.text('--dry-run', *arguments).splitlines())

    def totals(self, *arguments, **options):
        """Of a run, without the time and what went over the wire."""
        *_, totals = self.objects(*arguments, **options)
        for key in ('sent_bytes', 'received_bytes'):
            self.assertGreater(totals.pop(key), 0)
        self.assertGreaterEqual(totals.pop('elapsed_ms'), 0)
        return {key: value for key, value in totals.items() if value}

    def same(self):
        self.assertEqual(described(self.there), described(self.local))

    @row('sync', '')
    def test_sync(self):
        self.silent(self.local, ':x')
        self.assertEqual(self.totals(self.local, ':x'), {'unchanged': 5})
        (self.local / 'file0').write_text('longer than before\n')
        (self.local / 'new').mkdir()
        (self.local / 'new' / 'file').write_text('new\n')
        (self.local / 'file1').chmod(0o600)
        os.utime(self.local / 'file2', ns=(1, 2 * 10**18))
        self.assertEqual(self.totals(self.local, ':x/'), {
            'files': 2, 'bytes': 23, 'unchanged': 2, 'attributes': 2, 'directories': 1})
        self.same()
        got = self.directory / 'got'
        self.assertEqual(self.totals(':x', got)['files'], 6)
        self.assertEqual(described(got), described(self.local))
        self.assertEqual(self.totals(':x', f'{got}/'), {'unchanged': 6})
        for wrong in ((self.local, 'x'), (':x', ':y')):
            self.fails(2, *wrong, says="begins with ':'")
        self.fails(3, self.local / 'none', ':x', says='none')
        self.fails(3, ':none', got, says='none')
        self.refused(3, 'sync', self.local, ':none/x', says='none')
        self.fails(4, self.local, ':x/file0', says='x/file0: is not a directory')

    def test_a_single_file(self):
        self.ok('sync', self.local / 'file1', ':x/file0')
        self.assertEqual(self.cat('x/file0'), '1\n')
        self.ok('sync', self.note, ':x')
        self.ok('sync', self.note, ':x/sub/')
        self.assertEqual((self.cat('x/note'), self.cat('x/sub/note')), ('a small file\n',) * 2)
        self.ok('sync', ':x/note', self.directory / 'got')
        self.ok('sync', ':x/note', self.local)
        for path in (self.directory / 'got', self.local / 'note'):
            self.assertEqual(path.read_text(), 'a small file\n')
            self.assertEqual(path.stat().st_mtime_ns, self.note.stat().st_mtime_ns)
        self.assertEqual(self.json('sync', ':x/note', self.local)[-1]['unchanged'], 1)

    test_a_single_file.rows = [('sync', '')]

    @row('sync', '--delete')
    def test_delete(self):
        (self.local / 'file0').unlink()
        (self.local / 'sub' / 'in').unlink()
        (self.local / 'sub').rmdir()
        self.silent(self.local, ':x')
        self.assertEqual(self.ok('ls', 'x'), 'file0\nfile1\nfile2\nfile3\nsub/\n')
        self.assertEqual(self.totals('--delete', self.local, ':x'),
                         {'unchanged': 3, 'deleted': 2})
        self.same()
        (self.local / 'own' / 'deep').mkdir(parents=True)
        (self.local / 'own' / 'deep' / 'file').write_text('x')
        os.symlink('file1', self.local / 'link')
        self.assertEqual(self.totals('--delete', ':x', self.local),
                         {'unchanged': 3, 'deleted': 2})
        self.same()

    @row('sync', '--dry-run')
    def test_dry_run(self):
        before = described(self.there)
        (self.local / 'file0').write_text('longer\n')
        (self.local / 'file1').chmod(0o600)
        (self.local / 'file2').unlink()
        (self.local / 'new').mkdir()
        (self.local / 'new' / 'file').write_text('new\n')
        wanted = ['attributes ./', 'attributes file1', 'copy file0', 'copy new/file',
                  'delete file2', 'make new/']
        self.assertEqual(self.steps('--delete', self.local, ':x'), wanted)
        *steps, totals = self.objects('--dry-run', '--delete', self.local, ':x')
        self.assertEqual(sorted(f'{step["action"]} {step["path"]}' for step in steps), wanted)
        self.assertEqual((totals['dry_run'], totals['files'], totals['bytes'], totals['deleted']),
                         (True, 2, 11, 1))
        self.assertEqual(described(self.there), before)
        got = self.directory / 'got'
        self.assertEqual(self.steps(':x/sub', got), ['copy in', 'make ./'])
        self.assertFalse(got.exists())

    @row('sync', '--checksum')
    def test_checksum(self):
        before = (self.local / 'file0').stat().st_mtime_ns
        (self.local / 'file0').write_text('x\n')
        os.utime(self.local / 'file0', ns=(before, before))
        self.silent(self.local, ':x')
        self.assertEqual(self.cat('x/file0'), '0\n')
        self.assertEqual(self.totals('--checksum', self.local, ':x'),
                         {'files': 1, 'bytes': 2, 'unchanged': 4})
        self.assertEqual(self.cat('x/file0'), 'x\n')
        self.assertEqual(self.totals('--checksum', ':x', self.local), {'unchanged': 5})

    @row('sync', '--lock')
    def test_lock(self):
        self.silent('--lock', self.local, ':x')
        holder, _ = self.hold('--shared', 'x/sub')
        (self.local / 'file0').write_text('longer\n')
        self.fails(5, '--lock', self.local, ':x', says='is locked')
        self.fails(5, '--lock', '--wait', '0.1', self.local, ':x', says='still locked')
        self.silent('--lock', ':x/sub', self.directory / 'got')
        self.end(holder)
        waiting, _ = self.hold('x/sub')
        client = self.start_sluice('sync', '--lock', '--wait', '30', self.local, ':x')
        wait_for(lambda: any(lock['state'] == 'waiting' for lock in self.json('locks')), 10, 'it')
        self.end(waiting)
        self.assertEqual(client.wait(20), 0)
        self.same()
        self.assertEqual(self.json('locks'), [])

    @row('sync', '--progress')
    def test_progress(self):
        (self.local / 'file0').write_text('longer\n')
        done = self.sluice('sync', '--progress', self.local, ':x')
        self.assertEqual((done.status, done.out), (0, ''))
        self.assertRegex(done.err, r'\A(sluice: [^\n]*\n)+\Z')
        self.totals('--progress', self.local, ':x')
        self.fails(2, '--progress', '-q', self.local, ':x', says='not for each other')

    @row('sync', '-q', '--quiet')
    def test_quiet(self):
        self.silent('-q', self.local, ':x')
        self.silent('--quiet', ':x', self.directory / 'got')
        self.totals('-q', self.local, ':x')
        self.fails(2, '-q', '--progress', self.local, ':x', says='not for each other')

    @row('sync', '--durability')
    def test_durability(self):
        for what in ('full', 'relaxed'):
            (self.local / what).write_text('new\n')
            self.silent('--durability', what, self.local, ':x')
            self.assertEqual(self.totals('--durability', what, self.local, ':x')['unchanged'],
                             len(os.listdir(self.local)))
        self.fails(2, '--durability', 'none', self.local, ':x',
                   says="'none' is none of full, relaxed")

    @row('sync', '--token')
    def test_token(self):
        (self.local / 'file0').write_text('longer\n')
        holder, token = self.hold('--tree', 'x')
        self.assertEqual(self.sluice('sync', self.local, ':x').status, 5)
        self.silent('--token', token, self.local, ':x')
        self.end(holder)
        self.same()
        (self.local / 'file0').write_text('longer still\n')
        self.fails(6, '--token', token, self.local, ':x', says='is not held')

    @row('sync', '--wait')
    def test_wait(self):
        (self.local / 'file0').write_text('longer\n')
        holder, _ = self.hold('x/file0')
        self.refused(5, 'sync', '--wait', '0.1', self.local, ':x', says='still locked')
        self.fails(2, '--wait', 'long', self.local, ':x', says='long')
        client = self.start_sluice('sync', '--wait', '30', self.local, ':x')
        wait_for(lambda: any(lock['state'] == 'waiting' for lock in self.json('locks')), 10, 'it')
        self.end(holder)
        self.assertEqual(client.wait(20), 0)
        self.same()

    def test_in_the_shell(self):
        (self.local / 'file0').write_text('longer\n')
        self.ok('-e', '-c', f'lcd {self.local}; cd x; sync . :; cd sub; sync --delete : ../got')
        self.same()
        self.assertEqual((self.directory / 'got' / 'in').read_text(), 'in\n')
        # Under a lock of the shell's own.
        (self.local / 'file0').write_text('longer still\n')
        self.ok('-e', '-c', f'lock --tree x; sync {self.local} :x')
        self.same()

    test_in_the_shell.rows = [('sync', '')]


class Trees(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.server()
        self.here = self.directory / 'here'
        self.here.mkdir()
        self.there = self.main.root / 'there'

    def totals(self, *arguments):
        return self.json('sync', *arguments)[-1]

    def test_there_and_back(self):
        files = make_tree(self.here, harness.figure(600, 5000))
        self.ok('sync', self.here, ':there')
        self.assertEqual(described(self.there), described(self.here))
        back = self.directory / 'back'
        self.ok('sync', ':there', back)
        self.assertEqual(described(back), described(self.here))
        drawn = random.Random(3)
        everything = sorted(path for path in self.here.rglob('file*') if path.is_file())
        for path in drawn.sample(everything, 40):
            what = drawn.randrange(4)
            if what == 0:
                path.unlink()
            elif what == 1:
                path.chmod(0o640)
                os.utime(path, ns=(5, 10**18))
            else:
                path.chmod(0o644)
                path.write_bytes(drawn.randbytes(drawn.randrange(30000)))
        for target in (':there', back):
            source = self.here if target == ':there' else ':there'
            found = self.totals('--delete', source, target)
            self.assertLess(found['files'] + found['deleted'], 60)
            self.assertGreater(found['unchanged'], files - 100)
        self.assertEqual(described(self.there), described(self.here))
        self.assertEqual(described(back), described(self.here))
        self.assertEqual(self.totals('--delete', '--checksum', self.here, ':there')['files'], 0)

    def test_what_went_over_the_wire_is_told(self):
        large = self.here / 'large'
        large.write_bytes(random.Random(5).randbytes(8 * MIB))
        first = self.totals(self.here, ':there')
        self.assertEqual(first['bytes'], 8 * MIB)
        self.assertTrue(8 * MIB < first['sent_bytes'] < 8.1 * MIB, first)
        self.assertLess(first['received_bytes'], 0.1 * MIB)
        with open(large, 'r+b') as file:
            file.seek(3 * MIB)
            file.write(b'changed')
        os.utime(large, ns=(1, 10**18))
        again = self.totals(self.here, ':there')
        self.assertEqual(again['bytes'], 8 * MIB)
        self.assertLess(again['sent_bytes'], 0.3 * MIB)
        back = self.totals(':there', self.directory / 'back')
        self.assertTrue(8 * MIB < back['received_bytes'] < 8.1 * MIB, back)
        # Each command of a shell has its own.
        self.assertEqual(self.ok('ls', 'there'), 'large\n')
        told = [json.loads(line) for line in self.ok(
            '--json', '-e', '-c', f'get there/large {self.directory}/got; put {self.note} note'
        ).splitlines()]
        self.assertTrue(8 * MIB < told[0]['received_bytes'] < 8.1 * MIB, told)
        self.assertLess(told[1]['received_bytes'] + told[1]['sent_bytes'], 2000)

    def test_what_is_in_the_way(self):
        (self.here / 'a').write_text('file')
        (self.here / 'b').mkdir()
        (self.here / 'b' / 'in').write_text('in')
        (self.here / 'good').write_text('good')
        (self.there / 'a' / 'deep').mkdir(parents=True)
        (self.there / 'a' / 'deep' / 'file').write_text('x')
        (self.there / 'b').write_text('file')
        (self.there / 'surplus').write_text('file')
        done = self.sluice('sync', self.here, ':there')
        self.assertEqual(done.status, 4)
        self.assertIn('there/a: is a directory (a file is to go there; --delete', done.err)
        self.assertIn('there/b: is not a directory (a directory is to go there; --delete', done.err)
        self.assertEqual(self.cat('there/good'), 'good')
        self.assertEqual(self.cat('there/b'), 'file')
        self.ok('sync', '--delete', self.here, ':there')
        self.assertEqual(described(self.there), described(self.here))

    def test_links_here_are_not_followed(self):
        outside = self.directory / 'outside'
        outside.mkdir()
        (outside / 'kept').write_text('kept')
        self.ok('mkdir', '-p', 'there/b')
        self.put_text('there/a', 'new')
        self.put_text('there/b/kept', 'new')
        os.symlink(outside / 'kept', self.here / 'a')
        os.symlink(outside, self.here / 'b')
        done = self.sluice('sync', ':there', self.here)
        self.assertEqual(done.status, 4, done)
        self.assertIn(f'{self.here}/b: is not a regular file or directory', done.err)
        self.ok('sync', '--delete', ':there', self.here)
        self.assertEqual(described(self.here), described(self.there))
        self.assertEqual((outside / 'kept').read_text(), 'kept')

    def test_links_are_skipped_with_a_word_and_their_names_kept(self):
        os.symlink('good', self.here / 'link')
        os.mkfifo(self.here / 'pipe')
        (self.here / 'good').write_text('good')
        self.there.mkdir()
        (self.there / 'link').write_text('older')
        done = self.sluice('sync', '--delete', self.here, ':there')
        self.assertEqual(done.status, 0)
        self.assertEqual(sorted(done.err.splitlines()), [
            f'sluice: {self.here}/{name}: skipped a link or special file'
            for name in ('link', 'pipe')])
        self.assertEqual(self.ok('ls', 'there'), 'good\nlink\n')

    def test_nothing_is_deleted_after_a_failure(self):
        (self.here / 'locked').write_text('longer than there')
        self.there.mkdir()
        (self.there / 'locked').write_text('shorter')
        (self.there / 'surplus').write_text('stays')
        holder = self.start_sluice('lock', 'there/locked', '--', 'cat', stdin=-1)
        wait_for(lambda: self.json('locks'), 10, 'the lock')
        done = self.sluice('sync', '--delete', self.here, ':there')
        self.assertEqual(done.status, 5)
        self.assertIn('there: nothing was deleted, as something failed before', done.err)
        self.assertEqual((self.there / 'surplus').read_text(), 'stays')
        holder.popen.stdin.close()
        holder.wait(10)
        self.ok('sync', '--delete', self.here, ':there')
        self.assertFalse((self.there / 'surplus').exists())

    def test_the_servers_own_directory_is_never_touched(self):
        (self.here / '.sluice' / 'log').mkdir(parents=True)
        (self.here / 'file').write_text('x')
        done = self.sluice('sync', '--delete', self.here, ':')
        self.assertEqual(done.status, 0, done)
        self.assertIn(f"{self.here}/.sluice: skipped, as it is a server's own", done.err)
        self.assertEqual(self.ok('ls'), 'file\n')
        self.ok('rm', 'file')
        self.ok('sync', '--delete', ':', self.here)
        self.assertEqual(os.listdir(self.here), ['.sluice'])
        self.assertTrue((self.here / '.sluice' / 'log').exists())

    def test_a_run_that_is_stopped_is_gone_on_with(self):
        for i in range(40):
            (self.here / f'file{i}').write_bytes(random.Random(i).randbytes(MIB))
        client = self.start_sluice('sync', '--delete', self.here, ':there')
        wait_for(lambda: self.there.exists() and len(os.listdir(self.there)) > 3
                 or not client.running(), 20, 'some files')
        client.signal(signal.SIGINT)
        self.assertIn(client.wait(20), (130, 0))
        self.ok('sync', '--delete', self.here, ':there')
        self.assertEqual(described(self.there), described(self.here))
        self.assert_no_litter()

    def test_a_lock_that_is_lost_is_told(self):
        for attempt in range(10):
            # With blocks: holes would not be sent.
            with open(self.here / 'large', 'wb') as file:
                os.posix_fallocate(file.fileno(), 0, 256 * MIB + attempt)
            client = self.start_sluice('sync', '--lock', self.here, ':there')
            locks = wait_for(lambda: self.json('locks') or not client.running(), 10, 'the lock')
            client.signal(signal.SIGSTOP)
            if locks is not True and self.sluice('lock-break', locks[0]['number']).status == 0:
                break
            client.signal(signal.SIGCONT)
            client.wait(30)
        client.signal(signal.SIGCONT)
        self.assertEqual(client.wait(30), 6, client.log_text())
        self.assertEqual((locks[0]['claims'][0]['mode'], locks[0]['claims'][0]['scope']),
                         ('exclusive', 'tree'))

    def test_a_large_directory(self):
        count = harness.figure(3000, 1_000_000)
        for i in range(count):
            (self.here / f'file{i}').touch()
        self.ok('sync', self.here, ':there', timeout=600)
        self.assertEqual(self.totals(self.here, ':there')['unchanged'], count)
        (self.here / 'file7').unlink()
        (self.here / 'new').touch()
        found = self.totals('--delete', self.here, ':there')
        self.assertEqual((found['files'], found['deleted'], found['unchanged']), (1, 1, count - 1))
        self.assertEqual(json.loads(self.ok('--json', 'stat', 'there'))['mtime_ns'],
                         self.here.stat().st_mtime_ns)
        self.assertTrue(stat.S_ISDIR(self.there.stat().st_mode))


if __name__ == '__main__':
    harness.main()
