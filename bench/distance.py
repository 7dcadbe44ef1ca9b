#!/usr/bin/python3
# What transfers reach over connections of some delay and rate, made on loopback:
#   bench/distance.py [--build DIR] [--client PROGRAM] [--rounds N]
# puts and gets a file through a proxy that holds every byte back for half the round trip and lets
# only so many a second through, with a queue like a router's (200 ms). Prints the medians of what
# arrived. It needs no rights of root, as netem would.
import argparse
import collections
import os
import socket
import statistics
import subprocess
import tempfile
import threading
import time

QUEUE_SECONDS = 0.2
PIECE_BYTES = 64 << 10


class Line:
    """One direction of one connection."""

    def __init__(self, source, sink, half_trip, bytes_per_second):
        self.source, self.sink = source, sink
        self.half_trip, self.rate = half_trip, bytes_per_second
        self.pieces = collections.deque()
        self.changed = threading.Condition()
        self.free_at = 0
        for run in (self._take, self._give):
            threading.Thread(target=run, daemon=True).start()

    def _take(self):
        while True:
            try:
                data = self.source.recv(PIECE_BYTES)
            except OSError:
                data = b''
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + len(data) / self.rate
            with self.changed:
                self.pieces.append((self.free_at + self.half_trip, data))
                self.changed.notify()
            if not data:
                return
            if self.free_at - now > QUEUE_SECONDS:
                time.sleep(self.free_at - now - QUEUE_SECONDS)

    def _give(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.pieces)
                due, data = self.pieces.popleft()
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not data:
                    self.sink.shutdown(socket.SHUT_WR)
                    return
                self.sink.sendall(data)
            except OSError:
                return


def distant(endpoint, round_trip, bytes_per_second):
    """An endpoint that is so far from `endpoint`."""
    host, port = endpoint.removeprefix('tcp://').rsplit(':', 1)
    listener = socket.create_server(('127.0.0.1', 0))

    def accept():
        while True:
            client, _ = listener.accept()
            server = socket.create_connection((host, int(port)))
            for one, other in ((client, server), (server, client)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                Line(one, other, round_trip / 2, bytes_per_second)

    threading.Thread(target=accept, daemon=True).start()
    return f'tcp://127.0.0.1:{listener.getsockname()[1]}'


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as probe:
        return probe.getsockname()[1]


def measure(command, size_bytes):
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return size_bytes / (time.monotonic() - begin) / 1e6


def main():
    parser = argparse.ArgumentParser(description='Transfers over slow and distant connections.')
    parser.add_argument('--build', default='build')
    parser.add_argument('--client', help='another build of sluice to look at')
    parser.add_argument('--rounds', type=int, default=3)
    options = parser.parse_args()
    client = options.client or os.path.join(options.build, 'client/shell/sluice')
    print('| round trip ms | MB/s of the connection | put MB/s | get MB/s |\n|---|---|---|---|')
    with tempfile.TemporaryDirectory() as folder:
        root, local = os.path.join(folder, 'root'), os.path.join(folder, 'local')
        os.mkdir(root)
        endpoint = f'tcp://127.0.0.1:{free_port()}'
        server = subprocess.Popen(
            [os.path.join(options.build, 'broker/sluiced'), '--root', root, '--listen', endpoint],
            stderr=subprocess.DEVNULL)
        try:
            for round_trip, megabytes in ((0.1, 125), (10, 125), (50, 125), (100, 125), (20, 1)):
                far = distant(endpoint, round_trip / 1000, megabytes * 1e6)
                size = int(min(400, megabytes * 8) * 1e6)
                with open(local, 'wb') as file:
                    file.write(os.urandom(size))
                at = [client, '--server', far]
                rates = [[measure([*at, 'put', '-q', local, 'x'], size),
                          measure([*at, 'get', '-q', 'x', '-'], size)]
                         for _ in range(options.rounds)]
                put, get = (statistics.median(each) for each in zip(*rates))
                print(f'| {round_trip} | {megabytes} | {put:.1f} | {get:.1f} |', flush=True)
        finally:
            server.terminate()
            server.wait()


if __name__ == '__main__':
    main()
