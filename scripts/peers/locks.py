# scripts/compare-peers locks: pairs (acquire and release) a second against Redis, etcd and
# ZooKeeper, on keys of each client's own and on one key for all. Read on: docs/performance.md.
from peers.servers import REDIS_ALWAYS, Server, free_port, redis, sluice
from peers.tables import cpu_cell, figure, in_turn, print_table

DISTINCT, CONTENDED = 'lock', 'lock-contended'
CLIENTS = {DISTINCT: (1, 8, 64), CONTENDED: (8, 64)}
TITLES = {DISTINCT: 'a key for each client', CONTENDED: 'one key for all'}
PACKAGES = ('redis-server', 'etcd-server', 'zookeeper', 'openjdk-17-jre-headless', 'libzmq5')
AWAITED, RIDING = 'release awaited', 'release not awaited'
DURABILITIES = ('relaxed', 'full')
TARGETS = ['broker/sluiced', *(f'bench/peers/locks-{each}'
                               for each in ('redis', 'etcd', 'zookeeper', 'sluice'))]


def etcd(server):
    peers = f'http://127.0.0.1:{free_port()}'
    return ['etcd', '--data-dir', server.directory / 'data', '--listen-client-urls',
            f'http://{server.address}', '--advertise-client-urls', f'http://{server.address}',
            '--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers,
            '--initial-cluster', f'default={peers}', '--log-level', 'error']


def zookeeper(server):
    config = server.directory / 'zoo.cfg'
    # The documentation's settings for one server, without its bound of 60 connections an address.
    config.write_text(f'tickTime=2000\ndataDir={server.directory}\nclientPortAddress=127.0.0.1\n'
                      f'clientPort={server.port}\nmaxClientCnxns=0\nadmin.enableServer=false\n')
    return ['java', '-Xmx1g', '-cp', '/usr/share/java/zookeeper.jar',
            'org.apache.zookeeper.server.quorum.QuorumPeerMain', config]


class Locks:
    """The comparison: its servers, and its lines, (server, what, op, flags of the load)."""

    def __init__(self, options, build, directory):
        self.options, self.servers, self.lines, self.results = options, [], [], {}
        kinds = [('Redis memory', 'redis', redis()), ('Redis always', 'redis', redis(*REDIS_ALWAYS)),
                 ('etcd', 'etcd', etcd), ('ZooKeeper', 'zookeeper', zookeeper)]
        kinds += [(f'Sluice {each}', 'sluice', sluice(build, '--lock-durability', each))
                  for each in DURABILITIES]
        for name, load, command in kinds:
            if options.wants(name):
                program = build / 'bench' / 'peers' / f'locks-{load}'
                self.servers.append(Server(name, program, command, directory))
                self.lines += self.lines_of(self.servers[-1], load)

    @staticmethod
    def lines_of(server, load):
        wait = ['--await-release']
        # etcd's calls have no order among themselves, so its next lock has to wait.
        ways = [(AWAITED, wait)] + ([(RIDING, [])] if load != 'etcd' else [])
        lines = [(server, what, DISTINCT, flags) for what, flags in ways]
        if server.name == 'Redis memory':
            lines.append((server, 'tried again at once', CONTENDED, wait))
            lines.append((server, 'tried again after 1 ms', CONTENDED, wait + ['--backoff', '1']))
        elif load != 'redis':
            lines += [(server, what, CONTENDED, flags) for what, flags in ways]
        if load == 'sluice':
            # Always waits for the disk, whatever the setting.
            lines += [(server, 'named owners, ' + what, DISTINCT, flags + ['--named'])
                      for what, flags in ways]
        return lines

    def measure(self):
        seconds = self.options.seconds
        for server in self.servers:
            server.start()
            server.measure_when_up(DISTINCT, 0.1)
            server.measure(DISTINCT, 64, max(seconds, 2), ['--await-release'])  # a warm-up
        for place in in_turn([*range(len(self.lines))], self.options.rounds):
            server, what, op, flags = self.lines[place]
            for clients in CLIENTS[op]:
                self.results.setdefault((place, clients), []).append(
                    server.measure(op, clients, seconds, flags))

    def print(self):
        for op in CLIENTS:
            self.print_table(op)

    def print_table(self, op):
        """Ratios are of the same round, to Sluice in each setting with the release not awaited."""
        most = CLIENTS[op][-1]
        ours = {server.name: place for place, (server, what, of, _) in enumerate(self.lines)
                if server.name.startswith('Sluice') and what == RIDING and of == op}
        heads = [f'{TITLES[op]}: pairs/s', *(f'{n} clients' for n in CLIENTS[op]),
                 f'{most}: p99 of the wait, ms', f'{most}: CPU us a pair, server + load',
                 *(f'{most}: {name} is faster, times' for name in ours),
                 *(f'{most}: p99 is longer than with {name}, times' for name in ours)]
        rows = []
        for place, (server, what, of, _) in enumerate(self.lines):
            if of != op:
                continue
            at_most = self.results[place, most]
            pairs = [list(zip(self.results[our, most], at_most)) for our in ours.values()]
            rows.append([
                f'{server.name}, {what}',
                *(figure([r['ops_per_s'] for r in self.results[place, n]]) for n in CLIENTS[op]),
                figure([r['p99_us'] / 1000 for r in at_most], 1), cpu_cell(at_most),
                *(figure([a['ops_per_s'] / b['ops_per_s'] for a, b in each], 2) for each in pairs),
                *(figure([b['p99_us'] / a['p99_us'] for a, b in each], 1) for each in pairs)])
        print_table(heads, rows)

    def figures(self):
        return [{'server': self.lines[place][0].name, 'what': self.lines[place][1],
                 'op': self.lines[place][2], 'clients': clients, 'rounds': rounds}
                for (place, clients), rounds in self.results.items()]
