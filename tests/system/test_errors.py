# Everything that can be asked wrongly or go wrong outside: the documented exit status, one clear
# sentence on stderr, the server alive afterwards, nothing half written.
import json
import os
import pathlib
import random
import shutil
import subprocess
import time
import unittest

import wire
from harness import MIB, NOBODY, SLUICE, SLUICED, WORKER, SystemTest, as_nobody, main, wait_for


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, check=False).returncode


class ErrorTest(SystemTest):

    def tree(self):
        """Everything in the served tree, with the contents of files."""
        return {str(p.relative_to(self.main.root)): p.read_bytes() if p.is_file() else None
                for p in self.main.root.rglob('*') if '.sluice' not in p.parts}

    def refused_and_unharmed(self, status, *arguments, **options):
        before = self.tree()
        result = self.refused(status, *arguments, **options)
        self.assertEqual(self.tree(), before)
        self.ok('ping')
        return result

    def run_server(self, *arguments):
        """For a sluiced that has to refuse what it is told."""
        return self.spawn(SLUICED, *arguments).output(10)

    def refused_server(self, server, says, status=1):
        """sluiced has to end with that status and one sentence."""
        server.launch()
        ended = server.process.wait(10)
        log = server.process.log_text()
        self.assertEqual(ended, status, log)
        self.assertRegex(log, r'\A[^\n]{10,600}\n\Z')
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, log)


class Requests(ErrorTest):

    def setUp(self):
        super().setUp()
        self.server(threads=1, listen=('tcp',))
        self.ok('mkdir', 'dir')
        self.put_text('dir/file', 'file')
        self.put_text('file', 'file')
        self.local = self.directory / 'local'
        self.local.write_text('new bytes')

    def tearDown(self):
        self.assert_no_litter()

    def test_missing(self):
        for arguments in (['cat', 'none'], ['get', 'none', self.directory / 'x'], ['stat', 'none'],
                          ['ls', 'none'], ['rm', 'none'], ['mv', 'none', 'b'], ['cp', 'none', 'b'],
                          ['put', self.local, 'none/file'], ['mkdir', 'none/dir'],
                          ['mv', 'file', 'none/file'], ['get', '-r', 'none', self.directory / 'x']):
            self.refused_and_unharmed(3, *arguments, says='none')
        self.assertFalse((self.directory / 'x').exists())

    def test_missing_local_file(self):
        self.refused_and_unharmed(3, 'put', self.directory / 'none', 'a', says='none')
        self.refused_and_unharmed(1, 'get', 'file', self.directory / 'none' / 'file', says='none')

    def test_local_wrong_kind(self):
        there = self.directory / 'there'
        (there / 'file').mkdir(parents=True)
        self.refused_and_unharmed(4, 'get', 'file', there, says='is a directory')
        self.refused_and_unharmed(4, 'get', 'file', self.local / 'x', says='not a directory')
        self.refused_and_unharmed(4, 'get', '-r', 'dir', self.local, says='not a directory')
        self.refused_and_unharmed(4, 'get', '-r', 'dir', self.local / 'x', says='not a directory')
        (there / 'dir').write_text('in the way')
        self.refused_and_unharmed(4, 'get', '-r', 'dir', there, says='not a directory')
        self.assertEqual((there / 'dir').read_text(), 'in the way')
        self.assertEqual(self.local.read_text(), 'new bytes')

    def test_unwritable_local_directory(self):
        self.directory.chmod(0o755)
        client = self.directory / 'sluice'
        shutil.copy(SLUICE, client)
        closed = self.directory / 'closed'
        closed.mkdir(mode=0o555)
        for arguments in (['get', 'file', closed], ['get', '-r', 'dir', closed / 'new']):
            process = self.spawn(*as_nobody(), client, *arguments, env=self.environment())
            self.assertEqual(process.wait(10), 1)
            self.assertRegex(process.log_text(), r'\A[^\n]*Permission denied[^\n]*\n\Z')

    def test_existing(self):
        self.refused_and_unharmed(4, 'put', '-n', self.local, 'file', says='file')
        self.refused_and_unharmed(4, 'put', '-n', '-', 'file', input=b'new', says='file')
        self.refused_and_unharmed(4, 'mv', '-n', 'dir/file', 'file', says='file')
        self.refused_and_unharmed(4, 'mkdir', 'dir', says='dir')
        self.refused_and_unharmed(4, 'mkdir', 'file', says='file')
        self.refused_and_unharmed(4, 'get', '-n', 'file', self.local, says='local')
        self.assertEqual(self.local.read_text(), 'new bytes')

    def test_large_existing(self):
        large = self.directory / 'large'
        large.write_bytes(os.urandom(3 * MIB))
        self.refused_and_unharmed(4, 'put', '-n', large, 'file', says='file')
        self.refused_and_unharmed(3, 'put', large, 'none/file', says='none')
        self.refused_and_unharmed(4, 'put', large, 'file/x', says='file')

    def test_conditions(self):
        version = self.json('stat', 'file')[0]['version']
        self.refused_and_unharmed(4, 'put', '--if-version', version + 1, self.local, 'file',
                                  says='file')
        self.ok('put', '--if-version', version, self.local, 'file')
        self.refused_and_unharmed(4, 'put', '--if-version', version, self.local, 'file',
                                  says='file')

    def test_wrong_kind(self):
        for arguments in (['cat', 'dir'], ['get', 'dir', self.directory / 'x'], ['rm', 'dir'],
                          ['cp', 'dir', 'copy'], ['cat', 'file/x'], ['stat', 'file/x'],
                          ['ls', 'file/'], ['put', self.local, 'file/x'],
                          ['mkdir', 'file/x'], ['put', '-', 'dir']):
            self.refused_and_unharmed(4, *arguments, input=b'')
        self.assertFalse((self.directory / 'x').exists())
        (self.main.root / 'link').symlink_to('file')
        self.refused_and_unharmed(4, 'cat', 'link', says='link')
        (self.main.root / 'way-out').symlink_to('/etc')
        self.refused_and_unharmed(4, 'cat', 'way-out/passwd')
        self.refused_and_unharmed(4, 'put', self.local, 'way-out/x')
        self.assertFalse(os.path.exists('/etc/x'))
        self.refused_and_unharmed(4, 'mv', 'file', 'dir/file/x')

    def test_into_itself(self):
        self.refused_and_unharmed(2, 'mv', 'dir', 'dir/sub', says='dir')

    def test_bad_paths(self):
        long = 'x' * 300
        for path in ('../x', 'dir/../../x', '/etc/passwd', '.sluice/lock', '.sluice', 'a/' + long,
                     long, './../x', 'a/' * 200 + 'b', 'dir/..', b'\xff\xfe'):
            for arguments in (['cat', path], ['rm', path], ['put', self.local, path],
                              ['mkdir', path], ['mv', 'file', path], ['cp', path, 'copy'],
                              ['lock', path, '--', 'true']):
                arguments = [os.fsdecode(a) if isinstance(a, bytes) else a for a in arguments]
                self.refused_and_unharmed(2, *arguments)
        self.refused_and_unharmed(2, 'rm', '-r', '', says='')

    def test_usage(self):
        for arguments in (['nonsense'], ['cat'], ['put', 'one'], ['lock', 'a'],
                          ['put', '--if-version', 'x', self.local, 'a'], ['lock', '--', 'true'],
                          ['lock', '--wait', '-1', 'a', '--', 'true'], ['--nonsense', 'ls'],
                          ['mv', 'one'], ['stat', 'a', 'b']):
            self.refused_and_unharmed(2, *arguments)

    def test_not_empty(self):
        self.refused_and_unharmed(4, 'rm', 'dir', says='dir')
        self.ok('rm', '-r', 'dir')
        self.refused_and_unharmed(3, 'stat', 'dir')

    def test_errors_as_json(self):
        result = self.sluice('--json', 'cat', 'none')
        self.assertEqual((result.status, result.out), (3, ''))
        error = json.loads(result.err)
        self.assertEqual((error['error'], error['path']), ('not_found', 'none'))

    def test_damaged(self):
        content = bytearray(os.urandom(2 * MIB))
        self.ok('put', '-', 'large', input=bytes(content))
        with open(self.main.root / 'large', 'r+b') as file:
            file.seek(MIB + 5)
            file.write(bytes([content[MIB + 5] ^ 1]))
        self.refused_and_unharmed(9, 'get', 'large', self.directory / 'x', says='large')
        self.assertFalse((self.directory / 'x').exists())
        (self.main.root / 'file').write_text('filf')
        self.refused_and_unharmed(9, 'get', 'file', self.directory / 'x', says='file')


class Roots(ErrorTest):

    def test_root_served_already(self):
        self.server()
        self.refused_server(self.server(start=False, root=self.main.root),
                            (str(self.main.root), 'served'))
        self.put_text('a', 'still served')

    def test_missing_root_and_file_as_root(self):
        server = self.server(start=False)
        server.root = self.directory / 'missing'
        self.refused_server(server, 'missing')
        server.process.log_path.unlink()
        server.root = self.directory / 'file'
        server.root.write_text('')
        self.refused_server(server, 'file')
        self.assertEqual(server.root.read_text(), '')

    def readable_program(self):
        """A copy of sluiced where nobody may run it."""
        self.directory.chmod(0o777)
        program = self.directory / 'sluiced'
        shutil.copy(SLUICED, program)
        program.chmod(0o755)
        return program

    def test_unwritable_root(self):
        server = self.server(start=False, prefix=as_nobody(), program=self.readable_program())
        server.root.chmod(0o555)
        self.refused_server(server, str(server.root))
        self.assertEqual(list(server.root.iterdir()), [])

    def test_denied(self):
        server = self.server(start=False, prefix=as_nobody(), program=self.readable_program())
        if as_nobody():
            os.chown(server.root, NOBODY, NOBODY)
        closed = server.root / 'closed'
        closed.mkdir()
        (closed / 'file').write_text('closed')
        (server.root / 'secret').write_text('secret')
        (server.root / 'secret').chmod(0)
        if as_nobody():
            os.chown(server.root / 'secret', 0, 0)
        closed.chmod(0o555)
        server.start()
        self.refused_and_unharmed(7, 'put', self.note, 'closed/new', says='closed')
        self.refused_and_unharmed(7, 'put', self.note, 'closed/file', says='closed')
        self.refused_and_unharmed(7, 'rm', 'closed/file', says='closed')
        self.refused_and_unharmed(7, 'mkdir', 'closed/dir', says='closed')
        self.refused_and_unharmed(7, 'cat', 'secret', says='secret')
        self.assertEqual(self.cat('closed/file'), 'closed')
        self.assert_no_litter()

    def test_endpoint_in_use_and_malformed(self):
        self.server(listen=('tcp',))
        self.refused_server(self.server(start=False, listen=(self.main.endpoint,)),
                            self.main.endpoint)
        self.refused_server(self.server(start=False, listen=('nonsense',)), 'nonsense', status=2)

    def test_usage(self):
        for arguments in ([], ['--root'], ['--root', '.', '--threads', 'many'],
                          ['--root', '.', '--nonsense'], ['--root', '.', '--lease', '0'],
                          ['--root', '.', '--lease', 'nan'], ['--root', '.', '--lease', '1s'],
                          ['--root', '.', '--lease', 'inf'], ['--root', '.', '--durability', '0'],
                          ['--root', '.', '--durability', 'none'], ['--root', '.', 'extra'],
                          ['--root', '.', '--listen', 'ipc://a', 'extra'],
                          ['--root', '.', '--config', 'no such file']):
            process = self.spawn(SLUICED, *arguments)
            self.assertEqual(process.wait(10), 2, process.log_text())
            self.assertRegex(process.log_text(),
                             r'\Asluiced: not a valid call \([^\n]+\); see --help\n\Z')
        for arguments in ([], ['--root', '.', '--join', 'ipc://a', '--threads', '0']):
            process = self.spawn(WORKER, *arguments)
            self.assertEqual(process.wait(10), 2, process.log_text())
            self.assertRegex(process.log_text(),
                             r'\Asluice-worker: not a valid call \([^\n]+\); see --help\n\Z')

    def test_help(self):
        text = self.spawn(SLUICED, '--help').output(10).out
        self.assertTrue(text.replace('\n', '').isprintable(), repr(text))
        self.assertIn('{full,relaxed}', text)

    def test_configuration_file(self):
        server = self.server(start=False, listen=('ipc', 'ipc'))
        file = self.directory / 'sluiced.conf'
        file.write_text(f'# of this test\nroot = {server.root}\nlease = 2.5\nthreads = 1\n'
                        f'listen = {server.endpoints[0]}\ndurability = relaxed\n')

        def ready(*arguments):
            process = self.spawn(SLUICED, '--config', file, *arguments)
            line = process.popen.stdout.readline().decode()
            self.assertTrue(line.startswith('sluiced ready '), process.log_text())
            return process, line.split()[2:]

        process, endpoints = ready()
        self.assertEqual(endpoints, server.endpoints[:1])
        self.assertEqual(self.json('ping')[0]['workers'], 1)
        process.kill()
        process, endpoints = ready('--listen', server.endpoints[1], '--threads', '2')
        self.assertEqual(endpoints, server.endpoints[1:])
        self.assertEqual(self.json('ping', server=server.endpoints[1])[0]['workers'], 2)
        process.kill()
        file.write_text(f'root = {server.root}\nlisten = {server.endpoints}\n')
        process, endpoints = ready()
        self.assertEqual(endpoints, server.endpoints)
        process.kill()
        for line in ('thread = 1', 'lease = nan', 'durability = 0', '[section]\nthreads = 1'):
            file.write_text(f'root = {server.root}\n{line}\n')
            process = self.spawn(SLUICED, '--config', file)
            self.assertEqual(process.wait(10), 2, line)
            self.assertRegex(process.log_text(),
                             r'\Asluiced: not a valid call \([^\n]+\); see --help\n\Z')


class FullDisk(ErrorTest):

    def setUp(self):
        super().setUp()
        root = self.directory / 'root'
        root.mkdir()
        if run('mount', '-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', root) != 0:
            self.skipTest('cannot mount a tmpfs here')
        self.addCleanup(run, 'umount', '-l', root)
        try:
            os.setxattr(root, 'user.sluice-test', b'1')
        except OSError:
            run('umount', root)
            image = self.directory / 'image'
            with open(image, 'wb') as file:
                file.truncate(48 * MIB)
            if run('mkfs.ext4', '-q', image) != 0 or run('mount', '-o', 'loop', image, root) != 0:
                self.skipTest('no small filesystem with user attributes here')
        self.server(threads=1)

    def test_large_file(self):
        self.put_text('kept', 'kept')
        large = self.directory / 'large'
        large.write_bytes(os.urandom(64 * MIB))
        self.refused_and_unharmed(1, 'put', large, 'large', says='no space')
        self.assertEqual(self.cat('kept'), 'kept')
        self.assert_no_litter()
        self.put_text('next', 'there is room again')
        self.main.stop()
        self.main.start()
        self.assertEqual(self.cat('next'), 'there is room again')

    def test_small_files(self):
        piece = random.Random(1).randbytes(100_000)
        acknowledged = []
        while len(acknowledged) < 2000:
            result = self.sluice('put', '-', f'file{len(acknowledged)}', input=piece)
            if result.status != 0:
                break
            acknowledged.append(f'file{len(acknowledged)}')
        self.assertEqual(result.status, 1, result)
        self.assertRegex(result.err, r'\A[^\n]*no space[^\n]*\n\Z')
        self.assertGreater(len(acknowledged), 50)
        self.assertRegex(self.main.process.log_text(),
                         rf'put of session [0-9a-f]+: file{len(acknowledged)}: no space left')
        self.ok('ping')
        self.assertEqual(sorted(self.tree()), sorted(acknowledged))
        self.assertTrue(all(content == piece for content in self.tree().values()))
        # Removing has to be possible on a full disk, or nobody ever gets out of it.
        for name in acknowledged[:len(acknowledged) // 2]:
            self.ok('rm', name)
        wait_for(lambda: self.sluice('put', '-', 'next', input=piece).status == 0, 20, 'room again')
        self.main.kill()
        self.main.start()
        self.assertEqual(sorted(self.tree()),
                         sorted(acknowledged[len(acknowledged) // 2:] + ['next']))
        self.assertTrue(all(content == piece for content in self.tree().values()))


    def test_way_out_of_a_full_disk(self):
        root = pathlib.Path(self.main.root)
        status = os.statvfs(root)
        free = status.f_bavail * status.f_frsize
        (root / 'filler').write_bytes(bytes(free - 3 * MIB))
        # Overwriting takes no room but in the log.
        for size in (100_000, 20_000, 2_000):
            for i in range(120):
                content = random.Random(i).randbytes(size)
                if self.sluice('put', '-', f'f{i % 5}', input=content).status != 0:
                    break
        before = self.tree()
        with open(root / 'last-bytes', 'wb', buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        self.main.kill()
        self.main.start()
        self.ok('rm', 'last-bytes')
        self.ok('rm', 'filler')
        self.put_text('next', 'there is room again')
        self.assertEqual({k: v for k, v in before.items() if k != 'filler'},
                         {k: v for k, v in self.tree().items() if k != 'next'})


class IpcEndpoint(ErrorTest):

    def test_nobody_is_pushed_aside(self):
        path = self.directory / 'precious'
        path.write_text('precious')
        root = self.directory / 'other'
        root.mkdir()
        result = self.run_server('--root', root, '--listen', f'ipc://{path}')
        self.assertEqual(result.status, 1, result)
        self.assertIn('cannot listen', result.err)
        self.assertEqual(path.read_text(), 'precious')
        main = self.server()
        result = self.run_server('--root', root, '--listen', main.endpoint)
        self.assertEqual(result.status, 1, result)
        self.put_text('a', 'still there')
        main.stop()
        self.assertFalse(pathlib.Path(main.endpoint.removeprefix('ipc://')).exists())

    def test_ports_that_cannot_be(self):
        root = self.directory / 'other'
        root.mkdir()
        for endpoint in ('tcp://127.0.0.1:99999', 'inproc://x', 'nonsense'):
            result = self.run_server('--root', root, '--listen', endpoint)
            self.assertEqual(result.status, 2, result)
            self.assertIn(endpoint, result.err)


class Unreachable(ErrorTest):

    def test_no_server(self):
        self.unreachable([f'ipc://{self.directory}/nothing', 'tcp://127.0.0.1:9'])
        for endpoint in ('nonsense', 'tcp://', 'http://127.0.0.1:80', 'tcp://*:5', 'tcp://a:0'):
            result = self.refused(2, 'ls', server=endpoint, says=endpoint, timeout=15)
            self.assertLess(result.seconds, 2)

    def test_a_stream_that_fills_the_place_for_temporary_files(self):
        self.server()
        spool = self.directory / 'spool'
        spool.mkdir()
        script = f'ulimit -f 2048; trap "" XFSZ; TMPDIR={spool} exec {SLUICE} put - a </dev/zero'
        client = self.spawn('sh', '-c', script, env=self.environment())
        self.assertEqual(client.wait(30), 1, client.log_text())
        self.assertIn(f'sluice: a temporary file in {spool} ($TMPDIR): could not be read or',
                      client.log_text())
        self.assertEqual(list(spool.iterdir()), [])

    def test_a_host_that_nobody_knows(self):
        self.refused(8, 'ls', server='tcp://nobody.invalid:5970', timeout=40,
                     says=('tcp://nobody.invalid:5970: ', "the name 'nobody.invalid'"))

    def unreachable(self, endpoints):
        """Each has to be given up in less than 10 s, with one sentence that names it."""
        clients = [(endpoint, self.start_sluice(*command, server=endpoint))
                   for endpoint in endpoints
                   for command in (['ls'], ['lock', 'a', '--', 'true'], ['put', self.note, 'a'])]
        for endpoint, client in clients:
            self.assertEqual(client.wait(10), 8, client.log_text())
            self.assertRegex(client.log_text(), r'\A[^\n]{10,600}\n\Z')
            self.assertIn(endpoint, client.log_text())

    def fake(self, answer):
        server = wire.FakeServer(answer)
        self.addCleanup(server.close)
        return server.endpoint

    def test_newer_protocol(self):
        for version in (1, 2):
            def mismatch(frames, version=version):
                request = wire.HEADER.unpack(frames[0])
                body = {'code': wire.VERSION_MISMATCH, 'detail': 'this server speaks 2 to 3'}
                return (wire.header(wire.ERROR, request[6], version=version), wire.pack(body))

            result = self.refused(8, 'ls', server=self.fake(mismatch), says='version', timeout=15)
            self.assertLess(result.seconds, 4)

    def test_something_else_listens(self):
        def nonsense(frames):
            return (b'not a frame of ours', b'nor a body')

        web = subprocess.Popen(['/usr/bin/python3', '-m', 'http.server', '--bind', '127.0.0.1',
                                '0', '--directory', self.directory],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env={**os.environ, 'PYTHONUNBUFFERED': '1'})
        self.addCleanup(lambda: (web.kill(), web.wait(), web.stdout.close()))
        port = web.stdout.readline().decode().split(' port ')[1].split()[0]
        self.unreachable([self.fake(nonsense), f'tcp://127.0.0.1:{port}'])

    def test_server_goes_away_in_the_middle(self):
        self.server()
        self.ok('put', '-', 'big', input=os.urandom(32 * MIB))
        reader = self.start_sluice('get', 'big', self.directory / 'back')
        slow = self.start_sluice('cat', 'big')
        slow.popen.stdout.read(MIB)
        reader.wait(20)
        self.main.kill()
        begin = time.monotonic()
        rest = slow.popen.stdout.read()
        self.assertIn(slow.wait(60), (1, 8))
        self.assertLess(len(rest), 31 * MIB, 'a lost connection is no end of file')
        self.assertLess(time.monotonic() - begin, 45)
        self.assertRegex(slow.log_text(), r'\A[^\n]{10,600}\n\Z')


if __name__ == '__main__':
    main()
