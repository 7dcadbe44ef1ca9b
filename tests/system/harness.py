# What the system tests share: servers, workers and clients as real processes, started on fresh
# directories, waited for by what they do, and ended by the process ids this file was given.
#
# Environment:
#   SLUICE_BUILD           the build directory (meson sets it; default: build/ in the source tree)
#   SLUICE_TEST_FULL=1     the full figures (2 GiB, 20 s, 20 kills) instead of short ones; the same
#                          as `tests/system/run --full`
#   SLUICE_TEST_SLOWNESS   multiplies every deadline; for builds with sanitizers (default 1)
#   TMPDIR                 where roots and scratch files go; needs user extended attributes
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get('SLUICE_BUILD', SOURCE / 'build')).resolve()
FULL = os.environ.get('SLUICE_TEST_FULL', '') == '1'
SLOWNESS = float(os.environ.get('SLUICE_TEST_SLOWNESS', '1'))

SLUICED = BUILD / 'broker' / 'sluiced'
WORKER = BUILD / 'workers' / 'sluice-worker'
SLUICE = BUILD / 'client' / 'shell' / 'sluice'
BENCH = BUILD / 'bench' / 'sluice-bench'

MIB = 1 << 20
# Peak memory of sluiced, whatever is done to it.
MEMORY_LIMIT_BYTES = 200 * 1000 * 1000
NOBODY = 65534
CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
SANITIZER_MARKS = ('AddressSanitizer', 'ThreadSanitizer', 'LeakSanitizer', 'runtime error:')

# A shell's '&' and nohup leave signals ignored, which programs inherit; the tests send them.
for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(ignored) == signal.SIG_IGN:
        signal.signal(ignored, signal.SIG_DFL)

Result = collections.namedtuple('Result', 'status out err seconds')


def figure(short, full):
    """The size, time or count to test with."""
    return full if FULL else short


def as_nobody():
    """What to put before a command so that permissions count for it."""
    if os.geteuid() != 0:
        return []
    return ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups']


def test_program(name):
    """A C++ program of this directory."""
    return BUILD / 'tests' / 'system' / name


def wait_for(condition, seconds, what):
    """Polls until `condition()` gives something true, and returns that."""
    deadline = time.monotonic() + seconds * SLOWNESS
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'not within {seconds} s: {what}')
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def free_port_pair():
    """A port that is free together with the one above it (lock actor's, for workers over tcp)."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(('127.0.0.1', 0))
            port = first.getsockname()[1]
            try:
                second.bind(('127.0.0.1', port + 1))
            except OSError:
                continue
            return port
    raise AssertionError('no two free ports beside each other')


def without_progress(err):
    """What was written on stderr but the lines that tell how far a long transfer is."""
    return re.sub(r'^sluice: ([^\n]*: )?(\d+% )?[^\n]* ([KMGT]i)?B/s[^\n]*\n', '', err, flags=re.M)


class Process:
    """A child in a process group of its own, so that what it starts can be ended with it."""

    def __init__(self, arguments, directory, name, **options):
        self.name = name
        self.log_path = directory / f'{name}.log'
        self.log = open(self.log_path, 'ab')
        options.setdefault('stdin', subprocess.DEVNULL)
        options.setdefault('stdout', subprocess.PIPE)
        options.setdefault('stderr', self.log)
        self.popen = subprocess.Popen([str(a) for a in arguments], start_new_session=True,
                                      **options)
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def wait(self, seconds):
        """The exit status (negative: the signal that ended it)."""
        try:
            return self.popen.wait(seconds * SLOWNESS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'{self.name} still runs after {seconds} s') from None

    def signal(self, number):
        if self.running():
            os.kill(self.pid, number)

    def signal_group(self, number):
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait(20)

    def output(self, seconds):
        """Waits for the end; gives a Result (err is what is in the log)."""
        begin = time.monotonic()
        try:
            out, _ = self.popen.communicate(timeout=seconds * SLOWNESS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'{self.name} still runs after {seconds} s') from None
        return Result(self.popen.returncode, out.decode(errors='replace'), self.log_text(),
                      time.monotonic() - begin)

    def log_text(self):
        # A program that runs as another user cannot write the counters of a build for coverage.
        lines = self.log_path.read_text(errors='replace').splitlines(keepends=True)
        return ''.join(line for line in lines if not line.startswith('profiling:'))

    def peak_memory_bytes(self):
        for line in pathlib.Path(f'/proc/{self.pid}/status').read_text().splitlines():
            if line.startswith('VmHWM:'):
                return int(line.split()[1]) * 1024
        raise AssertionError(f'{self.name} tells no VmHWM')

    def cleanup(self):
        crashed = not self.running() and -self.popen.returncode in CRASHES
        self.signal_group(signal.SIGCONT)
        self.signal_group(signal.SIGKILL)
        if self.running():
            self.popen.wait()
        for stream in (self.popen.stdout, self.popen.stdin, self.popen.stderr):
            if stream:
                stream.close()
        self.log.close()
        if crashed:
            raise AssertionError(f'{self.name} was ended by signal {-self.popen.returncode}')


class Server:
    """sluiced on a root of its own. `listen` names endpoints; 'tcp' and 'ipc' stand for fresh ones.
    They stay the same when it is started again."""

    def __init__(self, directory, listen=('ipc',), workers=None, threads=2, lease=None, root=None,
                 prefix=(), program=SLUICED, options=()):
        self.directory = directory
        self.root = pathlib.Path(root) if root else directory / 'root'
        self.root.mkdir(exist_ok=True)
        self.endpoints = [self._endpoint(kind, i) for i, kind in enumerate(listen)]
        self.workers_endpoint = None
        if workers == 'ipc':
            self.workers_endpoint = f'ipc://{directory}/workers.sock'
        elif workers == 'tcp':
            self.workers_endpoint = f'tcp://127.0.0.1:{free_port_pair()}'
        self.threads = threads
        self.lease = lease
        self.prefix = list(prefix)
        self.program = program
        self.options = list(options)
        self.process = None

    def _endpoint(self, kind, index):
        if kind == 'tcp':
            return 'tcp://127.0.0.1:*'
        if kind == 'ipc':
            return f'ipc://{self.directory}/clients{index}.sock'
        return kind

    @property
    def endpoint(self):
        return self.endpoints[0]

    @property
    def pid(self):
        return self.process.pid

    def launch(self):
        """Starts the process and does not wait for it."""
        arguments = self.prefix + [self.program, '--root', self.root, '--threads', self.threads]
        for endpoint in self.endpoints:
            arguments += ['--listen', endpoint]
        if self.workers_endpoint:
            arguments += ['--workers-listen', self.workers_endpoint]
        if self.lease:
            arguments += ['--lease', self.lease]
        if self.process:
            self.process.cleanup()
        self.process = Process(arguments + self.options, self.directory, 'sluiced')
        return self

    def start(self, seconds=20):
        self.launch()
        line = self._ready_line(seconds)
        named = line.split()[2:]
        self.endpoints = named[:len(self.endpoints)]
        if self.workers_endpoint:
            self.workers_endpoint = named[len(self.endpoints)]
        return self

    def _ready_line(self, seconds):
        stream = self.process.popen.stdout
        os.set_blocking(stream.fileno(), False)
        text = b''

        def read():
            nonlocal text
            text += stream.read() or b''
            if b'\n' not in text and not self.process.running():
                raise AssertionError('sluiced ended: ' + self.process.log_text()[-2000:])
            return b'\n' in text

        wait_for(read, seconds, "'sluiced ready' on stdout")
        line = text.decode().splitlines()[0]
        assert line.startswith('sluiced ready'), line
        return line

    def stop(self, seconds=5):
        """SIGTERM; it has to leave with status 0 within 5 s. Gives the seconds it took."""
        begin = time.monotonic()
        self.process.signal(signal.SIGTERM)
        status = self.process.wait(seconds)
        assert status == 0, f'sluiced ended with {status}: {self.process.log_text()[-2000:]}'
        return time.monotonic() - begin

    def kill(self):
        self.process.kill()

    def peak_memory_bytes(self):
        return self.process.peak_memory_bytes()

    def own(self, *parts):
        """A path in the server's own directory."""
        return self.root.joinpath('.sluice', *parts)

    def litter(self):
        """What lies in staging, claimed and snapshots."""
        return [f'{name}/{entry.name}' for name in ('staging', 'claimed', 'snapshots')
                for entry in self.own(name).iterdir()]


class SystemTest(unittest.TestCase):
    """A test with a scratch directory; whatever it starts is ended with it."""

    maxDiff = 2000
    # The sluice.conf of clients, so that none of the machine's is read.
    config = '/dev/null'

    def run(self, result=None):
        self.result = result if result is not None else self.defaultTestResult()
        self.failed_before = len(self.result.failures) + len(self.result.errors)
        return super().run(self.result)

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='sluice-'))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.addCleanup(self._check_logs)
        self.note = self.directory / 'note'
        self.note.write_text('a small file\n')
        self.count = 0

    def _check_logs(self):
        logs = {path: path.read_text(errors='replace') for path in self.directory.glob('*.log')}
        if len(self.result.failures) + len(self.result.errors) > self.failed_before:
            for path, text in sorted(logs.items()):
                if text.strip():
                    print(f'--- {self.id()}: {path.name}\n{text[-3000:]}', flush=True)
        for path, text in logs.items():
            for mark in SANITIZER_MARKS:
                self.assertNotIn(mark, text, path.name)

    def server(self, start=True, **options):
        """A started sluiced (or one still to be started) on a new root; the first is self.main."""
        directory = self.directory
        if hasattr(self, 'main'):
            self.count += 1
            directory = self.directory / f'server{self.count}'
            directory.mkdir()
        server = Server(directory, **options)
        if not hasattr(self, 'main'):
            self.main = server
        self.addCleanup(lambda: server.process and server.process.cleanup())
        return server.start() if start else server

    def spawn(self, *arguments, name=None, **options):
        """Any program in the background."""
        self.count += 1
        name = name or f'{pathlib.Path(str(arguments[0])).name}-{self.count}'
        process = Process(arguments, self.directory, name, **options)
        self.addCleanup(process.cleanup)
        return process

    def worker(self, server=None, root=None, threads=1, join=None):
        server = server or self.main
        return self.spawn(WORKER, '--root', root or server.root, '--join',
                          join or server.workers_endpoint, '--threads', threads)

    def environment(self, server=None, token=None):
        environment = {k: v for k, v in os.environ.items() if not k.startswith('SLUICE_')}
        environment['SLUICE_SERVER'] = server if isinstance(server, str) else \
            (server or self.main).endpoint
        environment['SLUICE_CONFIG'] = str(self.config)
        environment['XDG_STATE_HOME'] = str(self.directory / 'state')
        environment['PATH'] = f"{SLUICE.parent}:{environment['PATH']}"
        if token:
            environment['SLUICE_LOCK_TOKEN'] = token
        return environment

    def start_sluice(self, *arguments, server=None, token=None, **options):
        """The command line client in the background."""
        return self.spawn(SLUICE, *arguments, env=self.environment(server, token), **options)

    def sluice(self, *arguments, server=None, token=None, input=None, timeout=60, cwd=None,
               binary=False):
        """Runs the command line client to its end."""
        begin = time.monotonic()
        try:
            done = subprocess.run([str(SLUICE), *map(str, arguments)], input=input, cwd=cwd,
                                  stdin=subprocess.DEVNULL if input is None else None,
                                  capture_output=True, timeout=timeout * SLOWNESS,
                                  env=self.environment(server, token), check=False)
        except subprocess.TimeoutExpired:
            self.fail(f'sluice {arguments} still runs after {timeout} s')
        out = done.stdout if binary else done.stdout.decode(errors='replace')
        return Result(done.returncode, out, done.stderr.decode(errors='replace'),
                      time.monotonic() - begin)

    def ok(self, *arguments, **options):
        """Runs the client, which has to succeed without a word on stderr (but progress, if it takes
        long); gives its stdout."""
        result = self.sluice(*arguments, **options)
        self.assertEqual((result.status, without_progress(result.err)), (0, ''),
                         f'sluice {arguments}')
        return result.out

    def refused(self, status, *arguments, says=(), **options):
        """Runs the client, which has to end with this status and one sentence on stderr."""
        result = self.sluice(*arguments, **options)
        self.assertEqual(result.status, status, f'sluice {arguments}: {result}')
        self.assertRegex(result.err, r'\A[^\n]{10,600}\n\Z', f'sluice {arguments}')
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, result.err)
        return result

    def put_text(self, path, text, **options):
        return self.ok('put', '-', path, input=text.encode(), **options)

    def cat(self, path, **options):
        return self.ok('cat', path, **options)

    def json(self, *arguments, **options):
        """The values a command prints with --json, one a line."""
        return [json.loads(line) for line in self.ok('--json', *arguments, **options).splitlines()]

    def assert_no_litter(self, server=None, seconds=15):
        server = server or self.main
        try:
            wait_for(lambda: not server.litter(), seconds, '')
        except AssertionError:
            self.assertEqual(server.litter(), [], 'left in the server\'s own directory')

    def assert_memory(self, server=None):
        # Sanitizers multiply memory; their builds are told by their slowness.
        if SLOWNESS == 1:
            self.assertLess((server or self.main).peak_memory_bytes(), MEMORY_LIMIT_BYTES)


def main():
    unittest.main(verbosity=2)
