# Rows of docs/commands.md that only the shell has, and commands in -c and on standard input. Read
# on: row_test.py.
import json
import shlex

import harness
from commands_page import GLOBAL
from row_test import RowTest, row


class InShell(RowTest):
    """The command comes by way of -c, alone or behind others."""

    def setUp(self):
        super().setUp()
        self.local = self.tree()

    def arguments(self, arguments):
        *before, last = arguments or ((),)
        lines = [*before, shlex.join([self.command, *last])]
        return ('-c', '; '.join(lines))

    def fails(self, status, *arguments, says=(), **options):
        error = super().fails(status, *arguments, says=('sluice: line 1: ', says), **options)
        self.assertEqual(error['line'], 1)

    @row('cd', '')
    def test_cd(self):
        self.silent(['x/sub'])
        self.assertEqual(self.text('cd x/sub', 'cd ..', ['-']), '/x/sub\n')
        self.assertEqual(self.objects('cd x', 'cd', ['-']), [{'path': 'x'}])
        self.assertEqual(self.ok('-c', 'cd x; ls sub; cd /; ls'), 'in\nx/\n')
        self.fails(3, ['none'], says='none: no such file or directory')
        self.fails(4, ['x/file0'], says='x/file0: is not a directory')
        self.fails(2, ['x', 'x'], says='DIRECTORY: at most 1 argument is taken, not 2')
        self.fails(2, [''], says="an argument is empty; '.' is the directory itself")

    @row('pwd', '')
    def test_pwd(self):
        self.assertEqual(self.text(), '/\n')
        self.assertEqual(self.text('cd x/sub', []), '/x/sub\n')
        self.assertEqual(self.objects('cd x', []), [{'path': 'x'}])
        self.fails(2, ['x'], says="(it takes no arguments, not 'x'); see 'help COMMAND'")

    @row('lcd', '')
    def test_lcd(self):
        self.silent([str(self.local)])
        self.silent([])
        self.ok('-c', f'lcd {self.local}; get x/sub/in ./got')
        self.assertEqual((self.local / 'got').read_text(), 'in\n')
        self.fails(3, [str(self.local / 'none')], says='(on this machine)')
        self.fails(4, [str(self.note)], says='is not a directory (on this machine)')
        self.fails(2, ['x', 'x'], says='LOCAL')

    @row('lls', '')
    def test_lls(self):
        names = 'file0\nfile1\nfile2\nfile3\nsub\n'
        self.assertEqual(self.text([str(self.local)]), names)
        self.assertEqual(self.text(f'lcd {self.local}', []), names)
        self.assertEqual(self.ok('--json', '-c', f'lls {self.local}'), names)
        self.fails(2, ['--nonsense'], says='--nonsense')

    @row('lls', '-l')
    def test_lls_details(self):
        self.assertRegex(self.text(['-l', str(self.note)]), r'\A-rw.* 13 .*/note\n\Z')

    @row('lls', '-a')
    def test_lls_all(self):
        (self.local / '.hidden').touch()
        self.assertNotIn('.hidden', self.ok('-c', f'lls {self.local}'))
        self.assertIn('.hidden\n', self.text(['-a', str(self.local)]))

    def held(self, script):
        """How many locks are left behind this."""
        return len([json.loads(line) for line in
                    self.ok('-e', '-c', f'{script}; locks --json').splitlines()])

    @row('unlock', '')
    def test_unlock(self):
        self.assertEqual((self.held('lock x'), self.held('lock x; unlock x')), (1, 0))
        self.silent('lock x/file0 x/file1', 'lock x/sub', ['x/file1', 'x/sub'])
        self.fails(3, ['x'], says='this shell holds no such lock')
        self.fails(2, [], says='--all')

    @row('unlock', '--all')
    def test_unlock_all(self):
        self.assertEqual(self.held('lock x/file0; lock x/sub; unlock --all'), 0)
        self.silent('lock x', ['--all'])
        self.silent(['--all'])
        self.fails(2, ['--all', 'x'], says='--all')

    @row('exit', '')
    def test_exit(self):
        self.leaves()

    @row('quit', '')
    def test_quit(self):
        self.leaves()

    def leaves(self):
        self.silent()
        self.assertEqual(self.ok('-c', f'pwd; {self.command}; pwd'), '/\n')
        self.assertEqual(self.sluice('-c', f'cat none; {self.command}').status, 3)
        self.assertEqual(self.sluice('-c', f'cat none; {self.command} 7; pwd').status, 7)
        self.assertEqual(self.sluice('-c', f'{self.command} 255').status, 255)
        for status in ('x', '256', '-1', '1x'):
            self.fails(2, [status], says=f"'{status}' is not an exit status")
        self.fails(2, ['1', '2'], says='STATUS: at most 1 argument')

    def test_lock_held(self):
        [grant, lock] = [json.loads(line) for line in
                         self.ok('--json', '-c', 'lock x/sub; locks').splitlines()]
        self.assert_fits(grant, 'grant')
        self.assert_fits(lock, 'lock')
        self.assertEqual((lock['number'], lock['own']), (grant['number'], True))
        self.ok('-e', '-c', f'lock --tree x; rm x/file0; put {self.note} x/put; unlock x')

    def test_what_this_shell_holds_itself_is_not_somebody_elses(self):
        for change in (f'put {self.note} x/put', f'put --wait 5 {self.note} x/put', 'rm x/put'):
            refused = self.refused(6, '-c', f'lock --shared x/put; {change}',
                                   says='this shell holds it itself, but shared')
            self.assertRegex(refused.err, r"'upgrade \d+' makes it exclusive, 'unlock \d+' gives")
        for again in ('lock x', 'lock --wait 60 --tree .', 'lock --shared x', 'lock x/y x'):
            self.refused(2, '-c', f'lock x; {again}', says='this shell holds it itself, as lock')
        self.ok('-e', '-c', 'lock --shared x; lock --shared x')

    test_what_this_shell_holds_itself_is_not_somebody_elses.rows = [('lock', '')]

    test_lock_held.rows = [('lock', '')]


class Scripts(RowTest):
    @row(GLOBAL, '-c')
    def test_commands(self):
        self.tree()
        self.assertEqual(self.text('-c', 'ls; cd x # a comment\nls sub'), 'x/\nin\n')
        self.assertEqual(self.text('-c', '!echo here'), 'here\n')
        self.assertEqual(self.text(input=b'cd x\nls sub\n'), 'in\n')
        result = self.sluice('-c', 'cat none; pwd')
        self.assertEqual((result.status, result.out), (0, '/\n'))
        self.assertRegex(result.err, r'\Asluice: line 1: none: [^\n]+\n\Z')
        self.fails(3, '-c', 'cat none', says='none')
        self.fails(2, '-c', 'ls', 'ls', says='-c and -e')

    @row(GLOBAL, '-e')
    def test_end_at_error(self):
        self.assertEqual(self.text('-e', '-c', 'pwd; pwd'), '/\n/\n')
        self.fails(3, '-e', '-c', 'cat none; pwd', says='none')
        result = self.sluice('-e', input=b'pwd\n\ncat none\npwd\n')
        self.assertEqual((result.status, result.out), (3, '/\n'))
        self.assertIn('sluice: line 3: none: ', result.err)
        self.fails(2, '-e', 'ls', says='-c and -e')


if __name__ == '__main__':
    harness.main()
