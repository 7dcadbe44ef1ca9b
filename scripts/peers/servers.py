# Servers of one comparison: each on a free port of loopback with its data in a new directory,
# started by us, ended by its process id with all that it has started. Read on: locks.py,
# transfers.py.
import contextlib
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import time

START_S, END_S = 60, 10


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def load_cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stat_fields(pid):
    """What /proc says of a process, from its state on; None if it is gone."""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    except OSError:
        return None


def family(pid):
    """The process and all that come from it: {pid: when it began}."""
    parents = {}
    for entry in pathlib.Path('/proc').iterdir():
        fields = stat_fields(entry.name) if entry.name.isdigit() else None
        if fields:
            parents[int(entry.name)] = (int(fields[1]), fields[19])
    found = {pid: parents[pid][1]} if pid in parents else {}
    while True:
        more = {child: began for child, (parent, began) in parents.items()
                if parent in found and child not in found}
        if not more:
            return found
        found.update(more)


class Server:
    """One server, what it is started with, and the program that loads it with small requests."""

    def __init__(self, name, load, command, directory):
        self.name, self.load, self.process = name, load, None
        self.directory = directory / name.replace(' ', '-')
        self.directory.mkdir()
        self.port = free_port()
        self.address = f'127.0.0.1:{self.port}'
        self.command = command(self)

    def start(self):
        with open(self.directory / 'output', 'wb') as output:
            self.process = subprocess.Popen(
                [str(word) for word in self.command], cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        give_up = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(
                    ('127.0.0.1', self.port), timeout=1):
                return
            if self.process.poll() is not None or time.monotonic() > give_up:
                output = (self.directory / 'output').read_text(errors='replace')
                sys.exit(f'{self.name} does not serve:\n{output[-2000:]}')
            time.sleep(0.1)

    def cpu_s(self):
        ticks = 0
        for pid in family(self.process.pid):
            # Its own, and that of children which have ended.
            ticks += sum(int(each) for each in (stat_fields(pid) or ['0'] * 15)[11:15])
        return ticks / os.sysconf('SC_CLK_TCK')

    def peak_memory_mb(self):
        """Of the process that was started, without its children."""
        for line in pathlib.Path(f'/proc/{self.process.pid}/status').read_text().splitlines():
            if line.startswith('VmHWM:'):
                return int(line.split()[1]) * 1024 / 1e6
        return 0

    @contextlib.contextmanager
    def on_one_core(self):
        """All its threads on the first of our cores, for a while."""
        cores = os.sched_getaffinity(0)

        def move(where):
            for pid in family(self.process.pid):
                for thread in pathlib.Path(f'/proc/{pid}/task').iterdir():
                    with contextlib.suppress(OSError):
                        os.sched_setaffinity(int(thread.name), where)
        move({min(cores)})
        try:
            yield
        finally:
            move(cores)

    def measure(self, op, clients, seconds, flags=()):
        """What the load says, and the processor time that an operation took."""
        server, load = self.cpu_s(), load_cpu_s()
        said = run_load(self.load, self.address, op, clients, seconds, flags)
        ops = max(said['ops'], 1)
        said['server_cpu_us'] = (self.cpu_s() - server) / ops * 1e6
        said['load_cpu_us'] = (load_cpu_s() - load) / ops * 1e6
        return said

    def measure_when_up(self, op, seconds):
        """A first load, not counted; a server may need a while until it serves."""
        give_up = time.monotonic() + START_S
        while True:
            try:
                return run_load(self.load, self.address, op, 1, seconds)
            except LoadFailed as failure:
                if time.monotonic() > give_up:
                    sys.exit(str(failure))
                time.sleep(0.2)

    def stop(self):
        if self.process is None:
            return
        members = family(self.process.pid)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_S)
        for pid, began in members.items():
            fields = stat_fields(pid)
            if fields and fields[19] == began:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()


class LoadFailed(Exception):
    pass


def run_load(program, address, op, clients, seconds, flags=()):
    """What a load of bench/ says of a server (or, for raw, of a directory)."""
    words = [program, '--server', address, '--op', op, '--clients', clients, '--seconds', seconds,
             '--json', *flags]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=seconds + 120)
    if done.returncode != 0:
        raise LoadFailed(f'{program.name} {op}, {clients} clients: {done.stderr.strip()}')
    said = json.loads(done.stdout)
    # Only sluice-bench's own JSON is for pictures of latencies.
    del said['histogram_us']
    return said


def redis(*durability):
    def command(server):
        return ['redis-server', '--bind', '127.0.0.1', '--port', server.port, '--dir',
                server.directory, '--save', '', *durability]
    return command


REDIS_ALWAYS = ('--appendonly', 'yes', '--appendfsync', 'always')


def sluice(build, *options):
    def command(server):
        (server.directory / 'root').mkdir()
        return [build / 'broker' / 'sluiced', '--root', server.directory / 'root', '--listen',
                f'tcp://{server.address}', *options]
    return command
