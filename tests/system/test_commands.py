# Every row of docs/commands.md, one by one: what the command prints on standard output and standard
# error, its JSON, its exit status. The page is complete if --help names nothing else, the tests are
# if each row has one. Read on: row_test.py, test_in_shell.py, test_statuses.py, test_messages.py.
import json
import re
import shlex
import signal
import subprocess

import harness
import test_in_shell
import test_sync
import test_verify
from commands_page import GLOBAL
from harness import wait_for
from row_test import CHANGES, NOWHERE, PAGE, RowTest, row


class Looking(RowTest):
    @row('ls', '')
    def test_ls(self):
        self.assertEqual(self.objects(), [])
        self.silent()
        self.tree()
        self.assertEqual(self.text(), 'x/\n')
        self.assertEqual(self.text('x'), 'file0\nfile1\nfile2\nfile3\nsub/\n')
        self.assertEqual(self.text('x/file0'), 'x/file0\n')
        file, directory = self.objects('x')[0], self.objects('x')[-1]
        self.assertEqual((file['path'], file['kind'], file['size']), ('x/file0', 'file', 2))
        self.assertEqual((directory['path'], directory['kind'], directory['size'],
                          directory['version'], directory['digest']),
                         ('x/sub', 'directory', 0, 0, ''))
        self.fails(3, 'none', says='none')
        self.fails(4, 'x/file0/', says='not a directory')
        self.fails(2, '', says='an argument is empty')
        self.ok('mkdir', 'empty')
        self.assertEqual(self.text('x/sub', 'x/file1', '.', 'empty', 'x/file0'),
                         'x/file1\nx/file0\n\nx/sub:\nin\n\n(root):\nempty/\nx/\n\nempty:\n')
        self.assertEqual([found['path'] for found in self.objects('x/sub', 'x/file0')],
                         ['x/file0', 'x/sub/in'])
        result = self.sluice('ls', 'none', 'x/sub', 'x/file0/')
        self.assertEqual((result.status, result.out), (3, 'x/sub:\nin\n'))
        self.assertEqual([line.split(':')[1] for line in result.err.splitlines()],
                         [' none', ' x/file0'])

    @row('ls', '-l')
    def test_ls_details(self):
        self.tree()
        lines = self.text('-l', 'x').splitlines()
        version = self.objects('-l', 'x')[0]['version']
        self.assertRegex(lines[0], r'\A-rw-r--r-- 2 \d{4}-\d\d-\d\d \d\d:\d\d +'
                         rf'v{version} file0\Z')
        self.assertRegex(lines[-1], r'\Adrwxr-xr-x .* sub/\Z')

    @row('ls', '-R')
    def test_ls_recursive(self):
        self.tree()
        self.assertEqual(self.text('-R', 'x/sub'), 'x/sub/in\n')
        self.assertEqual(self.text('-R', 'x/sub', 'x/file0'), 'x/file0\nx/sub/in\n')
        self.assertEqual(self.objects('-R', 'x/sub'), self.json('stat', 'x/sub/in'))
        self.assertEqual(len(self.objects('-R')), 7)

    @row('stat', '')
    def test_stat(self):
        self.tree()
        [file] = self.objects('x/file0')
        self.assertRegex(self.text('x/file0'), '\\A' + '\n'.join([
            r'    Path: x/file0', r'    Kind: file', r'    Size: 2 bytes \(2 B\)',
            r'    Mode: 0644 \(-rw-r--r--\)',
            r'Modified: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} [+-]\d{4}',
            rf' Version: {file["version"]}', rf'  Digest: {file["digest"]}']) + '\n\\Z')
        self.assertEqual((file['path'], file['mode'], file['size']), ('x/file0', '0644', 2))
        self.assertRegex(file['digest'], r'\A[0-9a-f]{32}\Z')
        names = [line.split(':')[0].strip() for line in self.text('x').splitlines()]
        self.assertEqual(names, ['Path', 'Kind', 'Mode', 'Modified'])
        self.assertEqual(self.objects('.')[0]['path'], '')
        (self.main.root / 'x' / 'foreign').write_text('not ours')
        self.assertEqual(self.objects('x/foreign')[0]['version'], 0)
        self.assertEqual(self.objects('x/foreign')[0]['digest'], '')
        self.fails(3, 'none', says='none')

    @row('cat', '')
    def test_cat(self):
        self.put_text('a', 'the bytes\n')
        self.assertEqual(self.text('a'), 'the bytes\n')
        self.assertEqual(self.ok('--json', 'cat', 'a'), 'the bytes\n')
        self.fails(3, 'none', says='none')
        self.fails(4, '.', says='is a directory')

    @row('locks', '')
    def test_locks(self):
        self.silent()
        self.assertEqual(self.objects(), [])
        holder, _ = self.hold('--shared', '--tree', 'a', 'b')
        waiter = self.start_sluice('lock', '--wait', '20', 'a', '--', 'true')
        held, waiting = wait_for(lambda: len(self.objects()) == 2 and self.objects(), 10, 'both')
        self.assertEqual((held['state'], waiting['state'], waiting['number']),
                         ('held', 'waiting', 0))
        self.assertEqual(held['claims'],
                         [{'path': p, 'mode': 'shared', 'scope': 'tree'} for p in ('a', 'b')])
        self.assertLess(held['order'], waiting['order'])
        self.assertTrue(held['holder'].endswith(f':{holder.pid}'), held)
        head, first, second = self.text().splitlines()
        self.assertEqual(head.split(),
                         ['NUMBER', 'MODE', 'SCOPE', 'AGE', 'LEFT', 'HOLDER', 'PATHS'])
        self.assertRegex(first, rf'\A{held["number"]} +shared +tree +[\d.]+s +[\d.]+s +'
                         rf'\S+:{holder.pid} +a, b\Z')
        self.assertRegex(second, r'\Awaiting +exclusive +path .* a\Z')
        self.assertEqual(len(self.objects('b/beneath')), 1)
        self.assertEqual(self.objects('other'), [])
        self.end(holder)
        self.assertEqual(waiter.wait(10), 0)
        self.fails(2, '/absolute', says='absolute')

    def events(self, *arguments):
        return [(event['kind'], event.get('path')) for event in self.objects(*arguments)]

    @row('watch', '', '--count')
    def test_watch(self):
        begin = self.version('a')
        self.ok('mv', 'a', 'b')
        token = self.ok('lock', 'b', '--', 'sh', '-c', 'echo $SLUICE_LOCK_TOKEN').strip()
        number = token.split('-')[0]
        text = self.text('--from', begin, '--count', '3')
        self.assertRegex(text, rf'\A +{begin + 1} rename         a -> b\n'
                         rf' +{number} lock           b \({number} of \S+, exclusive path\)\n'
                         r' +\d+ unlock         b \(\d+ of \S+, exclusive path, released\)\n\Z')
        rename, lock, unlock = self.objects('--from', begin, '--count', '3')
        self.assertEqual(rename, {'version': begin + 1, 'kind': 'rename', 'path': 'a',
                                  'to_path': 'b'})
        self.assertEqual((lock['number'], lock['version'], lock['mode'], lock['scope']),
                         (int(number), int(number), 'exclusive', 'path'))
        self.assertEqual((unlock['number'], unlock['holder'], unlock['ending']),
                         (int(number), lock['holder'], 'released'))
        self.silent('--count', '0')
        self.fails(2, '--count', 'x', says='x')
        self.fails(2, '/absolute', says='absolute')

    def version(self, path):
        self.put_text(path, 'x')
        return self.json('stat', path)[0]['version']

    @row('watch', '-r')
    def test_watch_recursive(self):
        begin = self.version('begin')
        self.tree()
        self.assertEqual(self.events('--from', begin, '--count', '1', '.'),
                         [('make_directory', 'x')])
        found = self.events('--from', begin, '--count', '7', '-r')
        self.assertEqual(sorted(found), sorted(
            [('make_directory', 'x'), ('make_directory', 'x/sub'), ('put', 'x/sub/in')] +
            [('put', f'x/file{i}') for i in range(4)]))
        self.assertEqual(self.events('--from', begin, '--count', '2', 'x/sub'),
                         [('make_directory', 'x/sub'), ('put', 'x/sub/in')])

    @row('watch', '--from')
    def test_watch_from(self):
        begin = self.version('a')
        self.version('b')
        self.assertEqual(self.events('--from', begin, '--count', '1'), [('put', 'b')])
        self.assertEqual(self.events('--from', begin - 1, '--count', '1'), [('put', 'a')])
        # Of a server with other numbers, later ones.
        watcher = self.start_sluice('--json', 'watch', '--from', 2 ** 63)
        gap = json.loads(watcher.popen.stdout.readline())
        self.assert_fits(gap, 'event')
        self.assertEqual((gap['kind'], list(gap)), ('gap', ['version', 'kind']))
        watcher.signal(signal.SIGINT)
        self.assertEqual(watcher.wait(10), 130)
        self.fails(2, '--from', '-1', says='-1')

    @row('ping', '')
    def test_ping(self):
        self.assertRegex(self.text(), rf'\A{re.escape(self.main.endpoint)}: sluiced \d+\.\d+\.\d+, '
                         r'protocol 1, epoch \d+, 2 workers, \d+ requests? under way, '
                         r'\d+\.\d ms\n\Z')
        [status] = self.objects()
        self.assertEqual((status['endpoint'], status['protocol_version'], status['workers']),
                         (self.main.endpoint, 1, 2))
        self.fails(2, 'operand', says='operand')

    @row('help', '')
    def test_help(self):
        self.assertEqual(self.text(server=NOWHERE), self.ok('--help'))
        for command in PAGE.commands:
            self.assertEqual(self.text(command, server=NOWHERE), self.ok(command, '--help'))
        self.fails(2, 'frobnicate', says="'frobnicate'")
        self.fails(2, 'put', 'get', says='COMMAND')

    @row('servers', '')
    def test_servers(self):
        self.assertEqual(self.text(server=NOWHERE), '')
        self.config = self.directory / 'sluice.conf'
        self.config.write_text('default = b\n[long-name]\nendpoint = tcp://a:1\nlease = 2.5\n'
                               '[b]\nendpoint = ipc:///run/b\n')
        self.assertEqual(self.text(), '  long-name  tcp://a:1\n* b          ipc:///run/b\n')
        first, second = self.objects()
        self.assertEqual(first, {'name': 'long-name', 'endpoint': 'tcp://a:1', 'default': False,
                                 'client_name': '', 'lease_ms': 2500, 'connect_timeout_ms': 5000,
                                 'reconnect_limit_ms': 30000})
        self.assertTrue(second['default'])
        self.config.write_text('nonsense\n')
        self.fails(2, says=f'{self.config}:1: ')

    @row('version', '')
    def test_version(self):
        self.assertRegex(self.text(server=NOWHERE), r'\Asluice \d+\.\d+\.\d+\n\Z')
        [version] = self.objects(server=NOWHERE)
        self.assertEqual(f'sluice {version["sluice"]}\n', self.text())


class Changing(RowTest):
    def setUp(self):
        super().setUp()
        self.local = self.tree()

    def version_of(self, path):
        [entry] = self.json('stat', path)
        return entry['version']

    @row('mkdir', '')
    def test_mkdir(self):
        self.silent('d')
        [made] = self.objects('d/e')
        self.assertEqual(made['path'], 'd/e')
        self.assertGreater(made['version'], 0)
        self.assertEqual(self.ok('ls', '-R', 'd'), 'd/e/\n')
        self.fails(4, 'd', says='exists already')
        self.fails(3, 'none/d', says='none')

    @row('mkdir', '-p')
    def test_mkdir_parents(self):
        self.silent('-p', 'd/e/f')
        self.silent('-p', 'd/e/f')
        self.assertEqual([made['path'] for made in self.objects('-p', 'd/e/f/g')], ['d/e/f/g'])
        self.assertEqual(self.ok('ls', '-R', 'd'), 'd/e/\nd/e/f/\nd/e/f/g/\n')

    @row('rm', '')
    def test_rm(self):
        self.silent('x/file0', 'x/sub/in')
        removed = self.objects('x/sub', 'x/file1')
        self.assertEqual([value['path'] for value in removed], ['x/sub', 'x/file1'])
        self.assertLess(removed[0]['version'], removed[1]['version'])
        self.assertEqual(self.ok('ls', 'x'), 'file2\nfile3\n')
        self.fails(4, 'x', says='not empty')
        result = self.sluice('rm', 'none', 'x/file2')
        self.assertEqual((result.status, result.out, self.ok('ls', 'x')), (3, '', 'file3\n'))

    @row('rm', '-r')
    def test_rm_recursive(self):
        self.silent('-r', 'x/sub')
        self.assertEqual([value['path'] for value in self.objects('-r', 'x')], ['x'])
        self.assertEqual(self.ok('ls'), '')

    @row('mv', '')
    def test_mv(self):
        self.silent('x/file0', 'x/moved')
        [moved] = self.objects('x/moved', 'x/sub/')
        self.assertEqual(moved['path'], 'x/sub/moved')
        self.assertGreater(moved['version'], self.version_of('x/sub/moved'))
        self.silent('x/file1', 'x/file2')
        self.assertEqual(self.cat('x/file2'), '1\n')
        self.silent('x', 'y')
        self.assertEqual(self.ok('ls', 'y'), 'file2\nfile3\nsub/\n')
        self.fails(2, 'y', 'y/sub/y', says='into itself')

    @row('mv', '-n')
    def test_mv_replaces_nothing(self):
        self.fails(4, '-n', 'x/file0', 'x/file1', says='exists already')
        self.assertEqual(self.cat('x/file1'), '1\n')
        self.silent('-n', 'x/file0', 'x/new')
        self.assertEqual([value['path'] for value in self.objects('-n', 'x/new', 'x/sub')],
                         ['x/sub/new'])

    @row('cp', '')
    def test_cp(self):
        self.silent('x/file0', 'x/file1')
        [copied] = self.objects('x/file0', 'x/sub')
        self.assertEqual(copied,
                         {'path': 'x/sub/file0', 'version': self.version_of('x/sub/file0')})
        self.assertEqual(self.cat('x/file1') + self.cat('x/sub/file0'), '0\n0\n')
        self.fails(4, 'x/sub', 'x/copy', says='is a directory')

    @row('cp', '--durability')
    def test_cp_relaxed(self):
        for what in ('full', 'relaxed'):
            self.silent('--durability', what, 'x/file0', f'x/{what}')
            self.assertEqual(len(self.objects('--durability', what, 'x/file0', 'x/again')), 1)
        self.fails(2, '--durability', 'none', 'x/file0', 'x/a',
                   says="'none' is none of full, relaxed")

    def change(self, i):
        """What the row's command is to change, the i-th of several."""
        return {'mkdir': [f'x/new{i}'], 'rm': [f'x/file{i}'],
                'mv': [f'x/file{i}', f'x/moved{i}'], 'cp': ['x/file0', f'x/copy{i}'],
                'put': [str(self.note), f'x/put{i}']}[self.command]

    def under_a_token(self):
        holder, token = self.hold('--tree', 'x')
        self.assertEqual(self.sluice(self.command, *self.change(1)).status, 5)
        self.silent('--token', token, *self.change(1))
        self.silent(*self.change(2), token=token)
        [changed] = self.objects('--token', token, *self.change(3))
        self.assertEqual(changed['path'], self.change(3)[-1])
        self.end(holder)
        self.fails(6, '--token', token, *self.change(0), says='lock')

    def after_waiting(self):
        holder, _ = self.hold('--tree', 'x')
        self.fails(5, '--wait', '0.1', *self.change(1), says='still locked')
        self.fails(2, '--wait', 'long', *self.change(1), says="'long'")
        waiters = [self.start_sluice(*flags, self.command, '--wait', '60', *self.change(i))
                   for i, flags in ((1, []), (2, ['--json']))]
        wait_for(lambda: len(self.json('locks')) == 3, 10, 'two waiters')
        self.end(holder)
        plain, as_json = [waiter.output(10) for waiter in waiters]
        self.assertEqual((plain.status, plain.out, plain.err), (0, '', ''))
        self.assertEqual((as_json.status, as_json.err), (0, ''))
        self.assert_fits(json.loads(as_json.out), *self.shapes)


def add_tests_of_terms():
    for command in CHANGES:
        for option, name in (('--token', 'under_a_token'), ('--wait', 'after_waiting')):
            def test(self, name=name):
                getattr(self, name)()
            setattr(Changing, f'test_{command}_{name}', row(command, option)(test))


add_tests_of_terms()


class Copying(RowTest):
    def setUp(self):
        super().setUp()
        self.local = self.tree()
        self.there = self.directory / 'there'
        self.there.mkdir()

    def transferred(self, arguments, **wanted):
        """One object of totals."""
        [totals] = self.objects(*arguments)
        self.assertEqual({key: totals[key] for key in wanted}, wanted)

    @row('put', '')
    def test_put(self):
        self.silent(self.note, 'a')
        self.silent('-', 'b', input=b'from standard input')
        self.assertEqual(self.cat('a') + self.cat('b'), 'a small file\nfrom standard input')
        stored = self.objects(self.note, self.local / 'file0', 'x/sub')
        self.assertEqual(sorted(value['path'] for value in stored), ['x/sub/file0', 'x/sub/note'])
        self.assertEqual([value['path'] for value in self.objects('-', 'c', input=b'c')], ['c'])
        self.fails(1, '/proc/self/mem', 'a', says='/proc/self/mem')
        self.fails(3, self.directory / 'none', 'a', says='none')
        self.fails(4, self.local, 'a', says='-r')

    @row('put', '-r')
    def test_put_recursive(self):
        self.silent('-r', self.local, 'y')
        self.transferred(('-r', self.local, 'z'), files=5, directories=2, bytes=11, kept=0)
        self.assertEqual(self.ok('ls', '-R', 'y').replace('y/', 'z/'), self.ok('ls', '-R', 'z'))
        (self.local / 'link').symlink_to('file0')
        plain = self.sluice('put', '-r', self.local, 'v')
        self.assertEqual((plain.status, plain.out), (0, ''))
        self.assertEqual(plain.err, f'sluice: {self.local}/link: skipped a symbolic link\n')
        as_json = self.sluice('--json', 'put', '-r', self.local, 'w')
        self.assert_fits(json.loads(as_json.err), 'warning')
        self.assert_fits(json.loads(as_json.out), 'transfer')

    @row('put', '-n')
    def test_put_replaces_nothing(self):
        self.fails(4, '-n', self.note, 'x/file0', says='x/file0: exists already')
        self.silent('-n', self.note, 'x/new')
        self.assertEqual([value['path'] for value in self.objects('-n', self.note, 'x/newer')],
                         ['x/newer'])
        self.ok('rm', 'x/file3')
        self.shapes = ['transfer']
        self.transferred(('-n', '-r', self.local, '.'), files=1, bytes=2, directories=2, kept=4)
        plain = self.sluice('put', '-n', '-r', self.local, '.')
        self.assertEqual((plain.status, plain.out), (0, ''))
        self.assertRegex(plain.err, r'\Asluice: 0 files, [^\n]*5 there already and kept \(-n\)\n\Z')

    @row('put', '--progress')
    def test_put_tells_how_far_it_is(self):
        told = self.sluice('put', '--progress', self.note, 'x/told')
        self.assertEqual((told.status, told.out), (0, ''))
        self.assertRegex(told.err, r'\A(sluice: [^\n]*B/s[^\n]*\n)*sluice: 100% [^\n]*B/s\n\Z')
        self.assertEqual(len(self.objects('--progress', self.note, 'x/told')), 1)
        self.fails(2, '--progress', '-q', self.note, 'x/told', says='--quiet')

    @row('put', '-q', '--quiet')
    def test_put_is_quiet(self):
        for option in ('-q', '--quiet'):
            self.silent(option, self.note, 'x/new')
            quiet = self.sluice('put', option, '-n', '-r', self.local, '.')
            self.assertEqual(quiet[:3], (0, '', ''))
            self.assertEqual(len(self.objects(option, self.note, 'x/new')), 1)
            self.fails(2, option, '--progress', self.note, 'x/new', says='--progress')

    @row('put', '--if-version')
    def test_put_at_a_version(self):
        [stored] = self.json('put', self.note, 'a')
        self.fails(4, '--if-version', stored['version'] + 1, self.note, 'a', says='version')
        self.silent('--if-version', stored['version'], self.note, 'a')
        [now] = self.json('stat', 'a')
        [again] = self.objects('--if-version', now['version'], self.note, 'a')
        self.assertGreater(again['version'], now['version'])
        self.fails(2, '--if-version', 'x', self.note, 'a', says="'x'")
        self.fails(2, '--if-version', '1', '-r', self.local, 'a', says='single file')

    @row('put', '--durability')
    def test_put_relaxed(self):
        for what in ('full', 'relaxed'):
            self.silent('--durability', what, self.note, f'x/{what}')
            self.assertEqual(len(self.objects('--durability', what, self.note, f'x/{what}')), 1)
        self.fails(2, '--durability', 'none', self.note, 'a',
                   says="'none' is none of full, relaxed")

    @row('get', '')
    def test_get(self):
        self.silent('x/file0', self.there / 'a')
        self.assertEqual((self.there / 'a').read_text(), '0\n')
        fetched = self.objects('x/file1', 'x/sub/in', self.there)
        self.assertEqual(sorted(value['path'] for value in fetched), ['x/file1', 'x/sub/in'])
        [entry] = self.json('stat', 'x/file1')
        self.assertIn({'path': 'x/file1', 'version': entry['version']}, fetched)
        self.assertEqual(self.text('x/file0', 'x/file1', '-'), '0\n1\n')
        self.assertEqual(self.ok('--json', 'get', 'x/file0', '-'), '0\n')
        self.fails(1, 'x/file0', self.directory / 'none' / 'a', says='none')
        self.fails(3, 'none', self.there, says='none')
        self.fails(4, 'x', self.there, says='-r')

    @row('get', '-r')
    def test_get_recursive(self):
        self.silent('-r', 'x', self.there)
        self.assertEqual((self.there / 'x' / 'sub' / 'in').read_text(), 'in\n')
        self.transferred(('-r', 'x/', self.there), files=5, directories=2, bytes=11, kept=0)
        self.fails(2, '-r', 'x', '-', says='trees')
        (self.main.root / 'x' / 'link').symlink_to('file0')
        plain = self.sluice('get', '-r', 'x', self.there)
        self.assertEqual((plain.status, plain.out), (0, ''))
        self.assertEqual(plain.err, 'sluice: x/link: skipped a link or special file\n')
        as_json = self.sluice('--json', 'get', '-r', 'x', self.there)
        self.assert_fits(json.loads(as_json.err), 'warning')

    @row('get', '-n')
    def test_get_replaces_nothing(self):
        target = self.there / 'x'
        target.mkdir()
        self.silent('-n', 'x/file0', target)
        self.fails(4, '-n', 'x/file0', target, says=f'{target}/file0: exists already')
        self.assertEqual([value['path'] for value in self.objects('-n', 'x/file1', target)],
                         ['x/file1'])
        self.shapes = ['transfer']
        self.transferred(('-n', '-r', 'x', self.there), files=3, bytes=7, directories=2, kept=2)
        plain = self.sluice('get', '-n', '-r', 'x', self.there)
        self.assertEqual((plain.status, plain.out), (0, ''))
        self.assertRegex(plain.err, r'\Asluice: 0 files, [^\n]*5 there already and kept \(-n\)\n\Z')

    @row('get', '--progress')
    def test_get_tells_how_far_it_is(self):
        told = self.sluice('get', '--progress', 'x/file0', self.there / 'told')
        self.assertEqual((told.status, told.out), (0, ''))
        self.assertRegex(told.err, r'\A(sluice: [^\n]*B/s[^\n]*\n)*sluice: 100% [^\n]*B/s\n\Z')
        self.assertEqual(len(self.objects('--progress', 'x/file0', self.there)), 1)
        self.fails(2, '--progress', '-q', 'x/file0', self.there, says='--quiet')

    @row('get', '-q', '--quiet')
    def test_get_is_quiet(self):
        for option in ('-q', '--quiet'):
            self.silent(option, 'x/file0', self.there)
            self.ok('get', option, '-r', 'x', self.there)
            self.assertEqual(self.sluice('get', option, '-n', '-r', 'x', self.there)[:3],
                             (0, '', ''))
            self.assertEqual(len(self.objects(option, 'x/file0', self.there)), 1)
            self.fails(2, option, '--progress', 'x/file0', self.there, says='--progress')


class Locking(RowTest):
    def claims_under(self, *options):
        """The lock as its own command sees it."""
        [lock] = [json.loads(line) for line in self.text(
            *options, 'a', 'b', '--', 'sluice', '--json', 'locks').splitlines()]
        self.assert_fits(lock, 'lock')
        return {(claim['mode'], claim['scope']) for claim in lock['claims']}, lock

    @row('lock', '')
    def test_lock(self):
        self.assertEqual(self.text('a', '--', 'sh', '-c', 'echo "$SLUICE_SERVER"'),
                         f'{self.main.endpoint}\n')
        self.assertEqual(self.ok('--json', 'lock', 'a', '--', 'echo', 'plain'), 'plain\n')
        self.assertEqual(self.claims_under()[0], {('exclusive', 'path')})
        self.assertEqual(self.sluice('lock', 'a', '--', 'sh', '-c', 'exit 44').status, 44)
        self.assertEqual(self.fails(127, 'a', '--', 'no-such-command')['error'], 'no_command')
        self.assertEqual(self.fails(126, 'a', '--', self.note)['error'], 'cannot_run')
        holder, _ = self.hold('b')
        self.fails(5, 'a', 'b', '--', 'true', says='b: is locked')
        self.end(holder)

    @row('lock', '--shared')
    def test_lock_shared(self):
        self.assertEqual(self.claims_under('--shared')[0], {('shared', 'path')})
        holder, _ = self.hold('--shared', 'a')
        self.silent('--shared', 'a', '--', 'true')
        self.assertEqual(self.sluice('lock', 'a', '--', 'true').status, 5)
        self.end(holder)
        holder, _ = self.hold('a')
        self.fails(5, '--shared', 'a', '--', 'true', says='locked')
        self.end(holder)

    @row('lock', '--tree')
    def test_lock_tree(self):
        self.assertEqual(self.claims_under('--tree')[0], {('exclusive', 'tree')})
        holder, _ = self.hold('a/b')
        self.silent('a', '--', 'true')
        error = self.fails(5, '--tree', 'a', '--', 'true', says='its lock is on "a/b"')
        self.assertIn('its lock is on "a/b"', error['message'])
        self.fails(5, '--tree', '.', '--', 'true', says='its lock is on "a/b"')
        self.end(holder)

    @row('lock', '--wait')
    def test_lock_wait(self):
        holder, _ = self.hold('a')
        self.fails(5, '--wait', '0.1', 'a', '--', 'true', says='still locked')
        self.fails(2, '--wait', '-1', 'a', '--', 'true', says="'-1'")
        waiter = self.start_sluice('lock', '--wait', '60', 'a', '--', 'echo', 'at last')
        wait_for(lambda: len(self.json('locks')) == 2, 10, 'a waiter')
        self.end(holder)
        result = waiter.output(10)
        self.assertEqual((result.status, result.out, result.err), (0, 'at last\n', ''))

    @row('lock', '--ttl')
    def test_lock_ttl(self):
        _, lock = self.claims_under('--ttl', '3.5')
        self.assertTrue(1000 < lock['left_ms'] <= 3500, lock)
        self.fails(2, '--ttl', 'x', 'a', '--', 'true', says="'x'")
        self.fails(2, '--ttl', '0.001', 'a', '--', 'true', says='0.1 s at least')
        process = self.start_sluice('--json', 'lock', '--ttl', '1', 'a', '--', 'sleep', '30')
        wait_for(lambda: self.json('locks'), 10, 'the lock')
        process.signal(signal.SIGSTOP)
        wait_for(lambda: not self.json('locks'), 10, 'the lock lost')
        process.signal(signal.SIGCONT)
        self.assertIn(6, self.exits)
        self.assertEqual(process.wait(10), 6)
        self.assertEqual(self.error_object(process.log_text())['exit'], 6)


    @row('lock', '--on-loss')
    def test_lock_on_loss(self):
        self.silent('--on-loss', 'term', 'a', '--', 'true')
        self.fails(2, '--on-loss', 'pray', 'a', '--', 'true', says="'pray' is none of term, ignore")
        for what, says in (('term', 'told to end'), ('ignore', 'the command goes on')):
            done = self.directory / what
            process = self.start_sluice(
                'lock', '--on-loss', what, 'a', '--', 'sh', '-c',
                f'trap "exit 3" TERM; read line; echo done > {done}', stdin=subprocess.PIPE)
            [lock] = wait_for(lambda: self.json('locks'), 10, 'the lock')
            self.ok('lock-break', lock['number'])
            wait_for(lambda: says in process.log_text(), 10, 'the loss told')
            if what == 'ignore':
                process.popen.communicate(b'go on\n')
            self.assertEqual(process.wait(10), 6)
            self.assertEqual(done.exists(), what == 'ignore')
            self.assertRegex(process.log_text(), r'\Asluice: a: [^\n]*\n\Z')

    def owned(self, *options, path='a'):
        """The token of a lock of a named owner; it goes with the test."""
        token = self.ok('lock', '--owner', 'nightly', '--ttl', '10m', *options, path).strip()
        self.addCleanup(self.sluice, 'unlock', token)
        return token

    @row('lock', '--owner')
    def test_lock_owner(self):
        token = self.text('--owner', 'nightly', '--ttl', '1h', 'a').strip()
        self.assertRegex(token, r'\A\d+-[0-9a-f]{16}\Z')
        [lock] = self.json('locks')
        self.assertEqual((lock['holder'], f'{lock["number"]}'), ('nightly', token.split('-')[0]))
        self.assertTrue(3500e3 < lock['left_ms'] <= 3600e3, lock)
        self.fails(5, '--owner', 'other', '--ttl', '1h', 'a', says='held by nightly')
        self.ok('unlock', token)
        self.shapes = ['grant']
        [grant] = self.objects('--owner', 'nightly', '--ttl', '15m', '--shared', 'a', 'b')
        self.assertEqual(grant['ttl_ms'], 900_000)
        self.ok('unlock', grant['token'])
        self.fails(2, '--owner', 'nightly', 'a', says='--ttl')
        self.fails(2, '--owner', 'nightly', '--ttl', '1h', 'a', '--', 'true', says='no command')
        self.fails(2, '--owner', 'x' * 129, '--ttl', '1h', 'a', says='128 bytes')
        for name in ('a\tb', 'a\nb', '\udcff'):
            self.fails(2, '--owner', name, '--ttl', '1h', 'a', says='without control characters')
        self.fails(2, '--owner', 'x', '--ttl', '0.001', 'a', says='0.1 s at least')
        token = self.owned()
        self.fails(5, '--owner', 'nightly', '--ttl', '1h', 'a', says='this owner can renew it')
        self.ok('unlock', token)
        with open('/dev/full', 'wb') as full:
            process = self.start_sluice('lock', '--owner', 'x', '--ttl', '1h', 'a', stdout=full)
        self.assertEqual(process.wait(10), 1)
        self.assertEqual(self.json('locks'), [])

    @row('renew', '')
    def test_renew(self):
        token = self.owned()
        self.silent(token)
        self.silent(token=token)
        [renewal] = self.objects(token)
        self.assertEqual(renewal, {'number': int(token.split('-')[0]), 'ttl_ms': 600_000})
        self.assertEqual(self.objects(token=token), [renewal])
        self.ok('unlock', token)
        self.fails(6, token, says='lock')
        self.fails(2, says='say which lock')
        self.fails(2, '17', says='token')
        for mangled in ('01-0123456789abcdef', f'{2**64}-0123456789abcdef'):
            self.fails(2, mangled, says='token')
            self.refused(2, 'unlock', mangled, says='token')

    @row('upgrade', '')
    def test_upgrade(self):
        token = self.owned('--shared')
        self.fails(6, '17-0123456789abcdef', says='lock 17: ')
        other = self.owned('--shared')
        self.fails(5, token, says='is locked')
        self.ok('unlock', other)
        self.silent(token)
        self.assertEqual(self.json('locks')[0]['claims'][0]['mode'], 'exclusive')
        self.silent(token=token)
        self.assertEqual(self.objects(token),
                         [{'number': int(token.split('-')[0]), 'mode': 'exclusive'}])
        self.fails(2, says='say which lock')

    @row('upgrade', '--wait')
    def test_upgrade_wait(self):
        token, other = self.owned('--shared'), self.owned('--shared')
        self.fails(5, '--wait', '0.1', token, says='still locked')
        self.fails(2, '--wait', 'long', token, says="'long'")
        waiter = self.start_sluice('--json', 'upgrade', '--wait', '1m', token)
        wait_for(lambda: 'waits' in self.json('locks')[0]['holder'], 10, 'a waiter')
        self.fails(5, '--wait', '1m', other, says='waiting for this would never end')
        self.ok('unlock', other)
        result = waiter.output(10)
        self.assertEqual((result.status, json.loads(result.out)['mode']), (0, 'exclusive'))
        self.silent('--wait', '1', token)

    @row('downgrade', '')
    def test_downgrade(self):
        token = self.owned()
        reader = self.start_sluice('lock', '--shared', '--wait', '1m', 'a', '--', 'true')
        wait_for(lambda: len(self.json('locks')) == 2, 10, 'a waiter')
        self.silent(token)
        self.assertEqual(reader.wait(10), 0)
        self.assertEqual(self.objects(token),
                         [{'number': int(token.split('-')[0]), 'mode': 'shared'}])
        self.assertEqual(self.objects(token=token)[0]['mode'], 'shared')
        self.fails(6, '17-0123456789abcdef', says='lock 17: ')

    @row('unlock', '')
    def test_unlock(self):
        first, second = self.owned(path='a'), self.owned(path='b')
        self.silent(first, second)
        self.assertEqual(self.json('locks'), [])
        self.fails(6, first, says='lock')
        holder, token = self.hold('a')
        self.silent(token)
        holder.popen.stdin.close()
        self.assertEqual(holder.wait(10), 6)
        self.fails(2, says='say which')
        self.fails(2, 'a', says='token')

    @row('unlock', '--all')
    def test_unlock_all(self):
        self.fails(2, '--all', says='shell')

    @row('lock-break', '')
    def test_lock_break(self):
        token = self.owned(path='a')
        number = int(token.split('-')[0])
        self.assertRegex(self.text(number),
                         rf'\ABroke lock {number} of nightly on a, held for [\d.]+s\.\n\Z')
        self.fails(3, number, says='no such lock is held')
        self.assertEqual(self.sluice('renew', token).status, 6)
        number = int(self.owned(path='a').split('-')[0])
        at_once = [self.start_sluice('lock-break', str(number)) for _ in range(8)]
        self.assertEqual(sorted(each.wait(10) for each in at_once), [0] + 7 * [3])
        holder, token = self.hold('--tree', 'b')
        [broken] = self.objects(token)
        self.assertTrue(broken['holder'].endswith(f':{holder.pid}'), broken)
        self.assertEqual(holder.wait(10), 6)
        self.fails(2, 'x', says='number')


class Global(RowTest):
    @row(GLOBAL, '--server')
    def test_server(self):
        endpoint = self.main.endpoint
        for arguments in (('--server', endpoint, 'ping'), ('ping', '--server', endpoint),
                          ('ping', f'--server={endpoint}')):
            self.assertIn(endpoint, self.ok(*arguments, server=NOWHERE))
        self.fails(2, '--server', 'nonsense', 'ping', says='nonsense')

    @row(GLOBAL, '--json')
    def test_json(self):
        self.assertEqual(self.json('version'), [json.loads(self.ok('version', '--json'))])

    @row(GLOBAL, '-h', '--help')
    def test_help(self):
        for command in ((), *((command,) for command in PAGE.commands)):
            short, long = (self.text(*command, option, server=NOWHERE)
                           for option in ('-h', '--help'))
            self.assertEqual(short, long)
            self.assertIn('Usage: sluice ', long)
            self.assertEqual(self.ok('--json', *command, '--help'), long)

    @row(GLOBAL, '--version')
    def test_version(self):
        version = self.text('--version', server=NOWHERE)
        self.assertEqual(version, self.ok('version'))
        self.assertEqual(self.ok('--json', '--version'), version)


class Complete(harness.SystemTest):
    """The page has what the program has, and there is a test of every row."""

    def help(self, *command):
        if set(command) <= set(PAGE.commands):
            return self.ok(*command, '--help', server=NOWHERE)
        return self.ok('-c', shlex.join(['help', *command]), server=NOWHERE)

    @staticmethod
    def options_in(text):
        listed = re.findall(r'(?m)^ {2}(-[-\w]+(?:, ?-[-\w]+)*)', text)
        return {name.strip() for names in listed for name in names.split(',')}

    @staticmethod
    def commands_in(text):
        listed = text.split('Subcommands:\n')[1].split('\n\n')[0]
        return set(re.findall(r'(?m)^ {2}([\w-]+)', listed))

    def test_commands(self):
        self.assertEqual(self.commands_in(self.help()), set(PAGE.commands))
        in_shell = self.ok('-c', 'help', server=NOWHERE)
        self.assertEqual(self.commands_in(in_shell), {*PAGE.commands, *PAGE.shell_commands})

    def test_options(self):
        self.assertEqual(self.options_in(self.help()), PAGE.options(GLOBAL))
        for command in PAGE.synopses:
            options = self.options_in(self.help(command)) - {'-h', '--help'}
            self.assertEqual(options, PAGE.options(command), command)

    def test_synopses(self):
        for command, synopsis in PAGE.synopses.items():
            usage = re.search(r'Usage: (.*)', self.help(command)).group(1)
            usage = re.sub(r'sluice \[--server \w+\] \[--json\]', 'sluice', usage)
            self.assertEqual(synopsis, usage)

    def test_every_row_has_a_test(self):
        tested = [key for case in (Looking, Changing, Copying, Locking, Global,
                                                test_in_shell.InShell, test_in_shell.Scripts,
                                                test_sync.Syncing, test_verify.Verifying)
                  for name in dir(case) for key in getattr(getattr(case, name), 'rows', ())]
        self.assertEqual(set(tested), set(PAGE.rows))

    def test_every_shape_is_used(self):
        used = {shape for found in PAGE.rows.values() for shape in found.shapes}
        self.assertEqual(used | {'claim', 'range', 'error'}, set(PAGE.shapes))


if __name__ == '__main__':
    harness.main()
