# What a server does that finds its lock journal damaged, as a bad disk, a restored backup or
# somebody's hand may leave it: it does not forget locks without a word.
import shutil

from harness import SystemTest, main

LOCKS = 5


class LockJournal(SystemTest):
    def setUp(self):
        super().setUp()
        self.server(threads=1, lease=1)
        self.journal = self.main.own('locks')

    def own_five(self):
        for i in range(LOCKS):
            self.ok('lock', '--owner', f'owner{i}', '--ttl', '1h', f'file{i}')

    def owners(self):
        holders = [lock['holder'] for lock in self.json('locks')]
        return sorted(holder for holder in holders if holder.startswith('owner'))

    def refused_start(self, says):
        """Twice: whoever starts servers tries again."""
        for _ in range(2):
            self.main.launch()
            self.assertEqual(self.main.process.wait(20), 1)
            error = self.main.process.log_text().splitlines()[-1]
            self.assertRegex(error, r'\Asluiced: .*' + says)
        return error

    def frame_of(self, path):
        """Where the record of a lock on this path lies."""
        return (self.journal / 'a').read_bytes().index(path.encode())

    def change(self, offset, size=1):
        with open(self.journal / 'a', 'r+b') as file:
            file.seek(offset)
            old = file.read(size)
            file.seek(offset)
            file.write(bytes(byte ^ 1 for byte in old))

    def cut(self, offset):
        with open(self.journal / 'a', 'r+b') as file:
            file.truncate(offset)

    def test_a_changed_byte(self):
        self.own_five()
        self.main.stop()
        self.change(self.frame_of('file1'))
        damaged = (self.journal / 'a').read_bytes()
        error = self.refused_start(r'\.sluice/locks/a cannot be read from byte \d+ on; '
                                   r'4 locks can be read')
        self.assertIn('--forget-locks', error)
        self.assertEqual((self.journal / 'a').read_bytes(), damaged)
        self.main.options = ['--forget-locks']
        self.main.start()
        self.assertEqual(self.owners(), ['owner0', 'owner2', 'owner3', 'owner4'])
        self.assertEqual((self.journal / 'a.damaged').read_bytes(), damaged)
        self.assertIn('was damaged', self.main.process.log_text())
        # Nothing is granted before a lease is over, then what was lost is free.
        self.ok('lock', '--wait', '10s', 'file1', '--', 'true')
        self.refused(5, 'rm', 'file2', says='held by owner2')
        self.main.options = []
        for end in (self.main.stop, self.main.kill):
            end()
            self.main.start()
            self.assertEqual(len(self.owners()), 4)

    def test_a_cut_or_missing_file(self):
        self.own_five()
        self.main.stop()
        saved = self.directory / 'saved'
        shutil.copytree(self.journal, saved)

        def restore():
            shutil.rmtree(self.journal)
            shutil.copytree(saved, self.journal)

        remove_all = [(self.journal / name).unlink for name in ('a', 'b', 'mark')]
        behind_second = self.frame_of('file1') + len('file1')
        for damage, says in (
                (lambda: self.cut(0), 'a has been cut, from 262144 to 0 bytes; 0 locks'),
                (lambda: self.cut(behind_second), r'a has been cut, .*; 2 locks'),
                (lambda: self.change(0, 4096), 'a cannot be read from byte 0 on; 0 locks'),
                ((self.journal / 'a').unlink, 'a is missing; 0 locks'),
                ((self.journal / 'b').unlink, 'b is missing; 5 locks'),
                ((self.journal / 'mark').unlink, 'mark is missing or damaged; 5 locks'),
                (lambda: [remove() for remove in remove_all], 'mark is missing or damaged; 0'),
                (lambda: shutil.rmtree(self.journal), 'mark is missing or damaged; 0 locks')):
            damage()
            self.refused_start(r'\.sluice/locks/' + says)
            restore()
        self.main.start()
        self.assertEqual(len(self.owners()), LOCKS)

    def test_after_a_kill(self):
        self.own_five()
        self.main.kill()
        end = self.frame_of('file4') + len('file4')
        with self.subTest('the last write is torn'):
            self.change(end - 3)
            self.main.start()
            self.assertEqual(len(self.owners()), LOCKS - 1)
        self.main.kill()
        with self.subTest('one before it is not whole'):
            self.change(self.frame_of('file2'))
            self.refused_start('a cannot be read from byte')

    def test_a_file_that_is_cut_after_a_kill(self):
        self.own_five()
        self.main.kill()
        self.cut(self.frame_of('file1') + len('file1'))
        self.refused_start('a has been cut')

    def test_something_else_in_its_place(self):
        self.main.stop()
        (self.journal / 'a').unlink()
        (self.journal / 'a').mkdir()
        self.refused_start(r'\.sluice/locks/a is not a regular file: move it away')

    def test_a_new_root_grants_at_once_in_relaxed(self):
        server = self.server(threads=1, lease=3600, options=['--lock-durability', 'relaxed'])
        self.ok('lock', 'a', '--', 'true', server=server)
        for end in (server.stop, server.kill):
            end()
            server.start()
            self.ok('lock', 'a', '--', 'true', server=server)


if __name__ == '__main__':
    main()
