# A proxy on loopback that changes one byte of a large frame on its way: what a bad cable, switch or
# memory does, and TCP's checksum does not see. It knows of ZMTP only where frames begin and end, so
# that what it hits is the payload and not the framing. Read on: test_flipped_bytes.py.
import random
import socket
import threading

GREETING_BYTES = 64
LONG, COMMAND = 2, 4


class FlippingProxy:
    """Between clients and one server over tcp. `hits` frames of at least `least_bytes` are hit, of
    those that go `to_server` or to the client."""

    def __init__(self, endpoint, to_server, hits, least_bytes, seed):
        host, port = endpoint.removeprefix('tcp://').rsplit(':', 1)
        self.server = (host, int(port))
        self.to_server = to_server
        self.hits_left = hits
        self.hits = 0
        self.least_bytes = least_bytes
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.sockets = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.endpoint = f'tcp://127.0.0.1:{self.listener.getsockname()[1]}'
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with self.lock:
            for each in [self.listener, *self.sockets]:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                each.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.server)
            except OSError:
                return
            with self.lock:
                self.sockets += [client, server]
            for source, sink, is_hit in ((client, server, self.to_server),
                                         (server, client, not self.to_server)):
                threading.Thread(target=self._pass_on, args=(source, sink, is_hit),
                                 daemon=True).start()

    def _pass_on(self, source, sink, is_hit):
        try:
            with source.makefile('rb') as stream:
                # Each side waits for the other's in the middle of its own.
                left = GREETING_BYTES
                while left > 0:
                    some = self._some(stream, left)
                    sink.sendall(some)
                    left -= len(some)
                while True:
                    sink.sendall(self._frame(stream, is_hit))
        except (OSError, EOFError, ValueError):
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _some(stream, most):
        read = stream.read1(most)
        if not read:
            raise EOFError
        return read

    @staticmethod
    def _exactly(stream, size):
        read = stream.read(size)
        if len(read) < size:
            raise EOFError
        return read

    def _frame(self, stream, is_hit):
        flags = self._exactly(stream, 1)
        length = self._exactly(stream, 8 if flags[0] & LONG else 1)
        body = bytearray(self._exactly(stream, int.from_bytes(length, 'big')))
        if is_hit and not flags[0] & COMMAND and len(body) >= self.least_bytes:
            with self.lock:
                if self.hits_left > 0:
                    self.hits_left -= 1
                    self.hits += 1
                    body[self.random.randrange(len(body))] ^= 1 << self.random.randrange(8)
        return flags + length + body
