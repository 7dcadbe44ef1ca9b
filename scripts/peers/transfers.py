# scripts/compare-peers transfers: large files, small files and trees, beside the servers of
# file_servers.py and what this machine does without any. Deletes nothing of many files before the
# end: ext4 makes new files much slower for minutes after that. Read on: docs/performance.md.
import functools
import itertools
import os
import subprocess
import time

from peers import file_servers
from peers.ballast import Ballast
from peers.servers import REDIS_ALWAYS, LoadFailed, Server, redis, run_load
from peers.tables import cpu_cell, figure, in_turn, print_table

PACKAGES = ('nginx', 'vsftpd', 'openssh-server', 'rsync', 'samba', 'smbclient', 'redis-server',
            'curl', 'libzmq5')
TARGETS = ['broker/sluiced', 'client/shell/sluice', 'bench/sluice-bench', 'bench/peers/raw',
           *(f'bench/peers/files-{each}' for each in ('redis', 'http', 'sluice'))]
TABLES = {'get': 'get to nowhere, MB/s', 'get-file': 'get to a file, MB/s', 'put': 'put, MB/s',
          'small-get': '4 KiB get, ops/s', 'small-put': '4 KiB put, ops/s',
          'steady-put': '4 KiB put for {:.0f} s, ops/s',
          'tree': 'trees of files of 4 KiB, one client, files/s'}
CROWDS = {'get': (1, 4), 'get-file': (1, 4), 'put': (1, 4), 'small-get': (1, 8, 64),
          'small-put': (1, 8, 64), 'steady-put': (64,)}
ONE_CORE = 'one core'
SMALL_BYTES, FILES_A_DIRECTORY, WARM_UP_S, CLIENT_S = 4096, 1000, 0.3, 900


def run_clients(commands):
    """Seconds until all of them, begun together, have ended well."""
    running, begin = [], time.monotonic()
    try:
        for words in commands:
            running.append(subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True))
        for process, words in zip(running, commands):
            _, errors = process.communicate(timeout=CLIENT_S)
            if process.returncode != 0:
                raise LoadFailed(f'{" ".join(map(str, words))}: {errors.strip()[-1000:]}')
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    return time.monotonic() - begin


class Transfers:
    """The comparison: its rows, (table, name, server, what measures a column of it)."""

    def __init__(self, options, build, directory):
        self.options, self.build, self.directory = options, build, directory
        self.servers, self.rows, self.results, self.memory = [], [], {}, {}
        self.ballast = None
        self.numbers = itertools.count()
        self.tables = [each for each in TABLES
                       if not options.tables or each in options.tables.split(',')]
        self.raw = build / 'bench' / 'peers' / 'raw'
        self.large, self.tree = directory / 'large', directory / 'tree'
        self.add_rows()

    # --- what is compared ---

    def add_rows(self):
        http = self.build / 'bench' / 'peers' / 'files-http'
        self.add('nginx', lambda name: file_servers.Nginx(name, http, self.directory),
                 'get', 'get-file', 'put', 'small-get', 'small-put', 'steady-put')
        self.add('vsftpd', lambda name: file_servers.Vsftpd(name, None, self.directory),
                 'get', 'get-file', 'put')
        self.add('rsync', lambda name: file_servers.Rsync(name, None, self.directory),
                 'get-file', 'put', 'tree')
        self.add('Samba', lambda name: file_servers.Samba(name, None, self.directory),
                 'get', 'get-file', 'put')
        self.add('sftp', lambda name: file_servers.Sftp(name, None, self.directory),
                 'get', 'get-file', 'put', 'tree')
        for name, durability in {'Redis memory': (), 'Redis always': REDIS_ALWAYS}.items():
            program = self.build / 'bench' / 'peers' / 'files-redis'
            self.add(name, lambda name, how=durability: Server(name, program, redis(*how),
                                                               self.directory),
                     'small-put', 'steady-put' if durability else 'small-get')
        for durability in ('full', 'relaxed'):
            self.add(f'Sluice {durability}',
                     lambda name, how=durability: file_servers.Sluice(
                         name, self.build, how, self.directory),
                     'put', 'small-put', 'tree',
                     *(['get', 'get-file', 'small-get', 'steady-put'] if durability == 'full'
                       else []))
        self.add_raw()

    def add(self, name, make, *tables):
        tables = [each for each in self.tables if each in tables]
        if not tables or not self.options.wants(name):
            return
        server = make(name)
        self.servers.append(server)
        measures = {'get': self.get_nowhere, 'get-file': self.get_file, 'put': self.put,
                    'small-get': self.small('get'), 'small-put': self.small('put'),
                    'steady-put': self.steady_put, 'tree': self.move_tree}
        for table in tables:
            self.rows.append((table, name, server, measures[table]))
            if table in ('small-get', 'small-put') and name.startswith('Sluice'):
                self.rows.append((table, f'{name}, through libzmq', server,
                                  self.through_libzmq(table.removeprefix('small-'))))

    def add_raw(self):
        rows = [('get', 'libzmq alone, 1 MiB messages one way', self.one_way),
                ('put', 'dd conv=fdatasync', self.dd),
                ('small-get', 'DEALER, ROUTER, inproc worker and back, nothing else',
                 self.round_trip),
                ('small-put', 'a file with fsync of file and directory, a thread each',
                 self.fsync_files),
                ('steady-put', '8 threads, each a file with fsync of file and directory',
                 lambda *_: self.raw_files('fsync-files', 8, '--warm-up', WARM_UP_S)),
                ('tree', 'two threads create the files, no server', self.bare_files)]
        self.rows += [(table, name, None, measure) for table, name, measure in rows
                      if table in self.tables]

    # --- how it is measured: what one row does for one column ---

    def fresh(self, directory=None):
        return (directory or self.directory / 'out') / f'{next(self.numbers)}'

    def rate_large(self, commands, removals=()):
        """What `removals` remove leaves memory that is still warm: it is taken at once."""
        os.sync()
        self.ballast.fill()
        seconds = run_clients(commands)
        for remove in removals:
            remove()
        self.ballast.fill()
        return {'value': len(commands) * self.options.size / seconds / 1e6}

    def get_nowhere(self, server, clients):
        return self.rate_large([server.get('large', '/dev/null')] * clients)

    def get_file(self, server, clients):
        files = [self.fresh() for _ in range(clients)]
        return self.rate_large([server.get('large', file) for file in files],
                               [file.unlink for file in files])

    def put(self, server, clients):
        names = [self.fresh().name for _ in range(clients)]
        return self.rate_large([server.put(self.large, name) for name in names],
                               [functools.partial(server.remove, name) for name in names])

    def dd(self, _, clients):
        files = [self.fresh() for _ in range(clients)]
        return self.rate_large([['dd', f'if={self.large}', f'of={file}', 'bs=1M',
                                 'conv=fdatasync'] for file in files],
                               [file.unlink for file in files])

    def one_way(self, _, clients):
        said = run_load(self.raw, self.directory, 'one-way', clients, self.options.seconds,
                        ['--size', 1 << 20, '--warm-up', WARM_UP_S])
        return {**said, 'value': said['mb_per_s']}

    def small(self, op):
        flags = ['--size', SMALL_BYTES, '--warm-up', WARM_UP_S]

        def measure(server, clients):
            os.sync()
            if clients == ONE_CORE:
                with server.on_one_core(), self.load_on_one_core():
                    said = server.measure(op, 1, self.options.seconds, flags)
            else:
                said = server.measure(op, clients, self.options.seconds, flags)
            return {**said, 'value': said['ops_per_s']}
        return measure

    def steady_put(self, server, clients):
        os.sync()
        said = server.measure('put', clients, self.options.steady_seconds,
                              ['--size', SMALL_BYTES, '--warm-up', WARM_UP_S])
        return {**said, 'value': said['ops_per_s']}

    def through_libzmq(self, op):
        """The same by sluice-bench, whose sockets are libzmq's, as every client's are."""
        inner = self.small(op)

        def measure(server, clients):
            load, address = server.load, server.address
            server.load = self.build / 'bench' / 'sluice-bench'
            server.address = f'tcp://{address}'
            try:
                return inner(server, clients)
            finally:
                server.load, server.address = load, address
        return measure

    class load_on_one_core:
        """What is started meanwhile runs on the first of our cores."""

        def __enter__(self):
            self.cores = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {min(self.cores)})

        def __exit__(self, *_):
            os.sched_setaffinity(0, self.cores)

    def raw_files(self, op, clients, *flags):
        os.sync()
        said = run_load(self.raw, self.directory / 'out', op, clients, self.options.seconds,
                        ['--size', SMALL_BYTES, *flags])
        return {**said, 'value': said['ops_per_s']}

    def round_trip(self, _, clients):
        if clients == ONE_CORE:
            with self.load_on_one_core():
                return self.raw_files('round-trip', 1)
        return self.raw_files('round-trip', 1) if clients == 1 else None

    def fsync_files(self, _, clients):
        return self.raw_files('fsync-files', clients) if clients in (1, 8) else None

    def bare_files(self, _, __):
        return self.raw_files('bare-files', 2, '--files', self.options.files)

    def move_tree(self, server, way):
        os.sync()
        if way == 'put -r':
            command = server.put_tree(self.tree, self.fresh().name)
        else:
            command = server.get_tree('tree', self.fresh())
        return {'value': self.options.files / run_clients([command])}

    # --- the run ---

    def title(self, table):
        return TABLES[table].format(self.options.steady_seconds)

    def columns(self, table):
        if table == 'tree':
            return ('put -r', 'get -r')
        return CROWDS[table] + ((ONE_CORE,) if table in ('small-get', 'small-put') else ())

    def measure(self):
        (self.directory / 'out').mkdir()
        self.make_sources()
        for server in self.servers:
            server.start()
            self.prepare(server)
        if self.has_large():
            self.ballast = Ballast()
        for place in in_turn([*range(len(self.rows))], self.options.rounds):
            table, _, server, measure = self.rows[place]
            for column in self.columns(table):
                result = measure(server, column)
                if result is not None:
                    self.results.setdefault((place, column), []).append(result)
        self.memory = {server.name: server.peak_memory_mb() for server in self.servers
                       if server.name.startswith('Sluice')}

    def has_large(self):
        return any(table in self.tables for table in ('get', 'get-file', 'put'))

    def make_sources(self):
        if self.has_large():
            block = os.urandom(1 << 20)
            with open(self.large, 'wb') as file:
                for done in range(0, self.options.size, len(block)):
                    file.write(block[:self.options.size - done])
        if 'tree' in self.tables:
            for number in range(self.options.files):
                directory = self.tree / str(number // FILES_A_DIRECTORY)
                if number % FILES_A_DIRECTORY == 0:
                    directory.mkdir(parents=True)
                (directory / str(number)).write_bytes(os.urandom(SMALL_BYTES))

    def prepare(self, server):
        """What is got from it later, put there and read once, so that it is in memory."""
        tables = {table for table, _, of, _ in self.rows if of is server}
        if tables & {'get', 'get-file'}:
            run_clients([server.put(self.large, 'large')])
            run_clients([['cat', server.where / 'large']])
        if 'tree' in tables:
            run_clients([server.put_tree(self.tree, 'tree')])
        if tables & {'small-get', 'small-put', 'steady-put'}:
            server.measure_when_up('get', 0.1)

    # --- what is printed ---

    def print(self):
        for table in self.tables:
            self.print_table(table)
        if self.memory:
            print('\nMost memory: '
                  + ', '.join(f'{name} {mb:.0f} MB' for name, mb in self.memory.items()) + '.')

    def print_table(self, table):
        small, steady = table in ('small-get', 'small-put'), table == 'steady-put'
        title = self.title(table)
        columns = CROWDS.get(table, self.columns(table))
        heads = [title if small or steady or table == 'tree' else
                 f'{self.options.size / (1 << 20):,.0f} MiB {title}',
                 *(f'{column} clients' if isinstance(column, int) else column
                   for column in columns)]
        if small:
            heads += ['1: p50, us', '1 on one core: p50, us', '64: p99, ms',
                      '64: CPU us an operation, server + load']
        if steady:
            heads += ['p50, ms', 'p99, ms', 'p99 / p50', 'CPU us an operation, server + load']
        rows = []
        for place, (of, name, _, _) in enumerate(self.rows):
            if of == table:
                rows.append([name] + [self.cell(place, column, 'value') for column in columns])
                if small:
                    rows[-1] += self.small_cells(place)
                if steady:
                    rows[-1] += self.steady_cells(place)
        print_table(heads, rows)

    def cell(self, place, column, key, divided_by=1, digits=0):
        results = self.results.get((place, column))
        return figure([r[key] / divided_by for r in results], digits) if results else ''

    def small_cells(self, place):
        most = self.results.get((place, 64))
        return [self.cell(place, 1, 'p50_us'), self.cell(place, ONE_CORE, 'p50_us'),
                self.cell(place, 64, 'p99_us', 1000, 1), cpu_cell(most) if most else '']

    def steady_cells(self, place):
        results = self.results.get((place, 64), [])
        tails = figure([r['p99_us'] / r['p50_us'] for r in results], 1) if results else ''
        return [self.cell(place, 64, 'p50_us', 1000, 1), self.cell(place, 64, 'p99_us', 1000, 1),
                tails, cpu_cell(results) if 'server_cpu_us' in next(iter(results), {}) else '']

    def figures(self):
        return [{'table': self.rows[place][0], 'title': self.title(self.rows[place][0]),
                 'row': self.rows[place][1], 'column': column, 'rounds': rounds}
                for (place, column), rounds in self.results.items()]
