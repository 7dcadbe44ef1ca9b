# Protocol v1 from its document alone: ZMTP 3 over a plain socket, the frame and just enough
# msgpack. For what no proper client does, and for servers that are not ours. Read on:
# docs/protocol.md, test_raw.py.
import os
import socket
import struct
import threading

HEADER = struct.Struct('>2sBBHHIQ')
GREETING = b'\xff' + bytes(8) + b'\x7f' + b'\x03\x00' + b'NULL'.ljust(20, b'\0') + bytes(32)
MORE, LONG, COMMAND = 1, 2, 4

ERROR, HELLO, WELCOME, PING, PONG = 1, 0x10, 0x11, 0x12, 0x13
STAT, LIST, GET, READ, PUT = 0x20, 0x22, 0x24, 0x26, 0x30
WRITE_BEGIN, WRITE_CHUNK, WRITE_COMMIT = 0x32, 0x34, 0x36
REMOVE, RENAME, COPY, MAKE_DIRECTORY = 0x40, 0x42, 0x44, 0x46
ACQUIRE, ACQUIRE_REPLY, CANCEL, RELEASE, RENEW, LIST_LOCKS = 0x60, 0x61, 0x62, 0x64, 0x66, 0x68
CONVERT, BREAK, LOCK_LOST, COMMIT, PUBLISH = 0x6a, 0x6c, 0x6e, 0xa0, 0xc0

# XXH3-128 of no bytes: the root digest of an empty file.
EMPTY_ROOT = bytes.fromhex('99aa06d3014798d86001c324468d497f')

BAD_MESSAGE, UNKNOWN_TYPE, VERSION_MISMATCH, HELLO_REQUIRED, WINDOW_EXCEEDED = 1, 2, 3, 4, 5
TOO_LARGE, BAD_SESSION, BAD_PATH, NOT_FOUND, FENCED = 6, 10, 20, 21, 42


def pack(value):
    """A Python value as msgpack."""
    if value is None:
        return b'\xc0'
    if isinstance(value, bool):
        return b'\xc3' if value else b'\xc2'
    if isinstance(value, int):
        return struct.pack('>BQ', 0xcf, value) if value >= 0 else struct.pack('>Bq', 0xd3, value)
    if isinstance(value, bytes):
        return struct.pack('>BI', 0xc6, len(value)) + value
    if isinstance(value, str):
        raw = value.encode()
        return struct.pack('>BI', 0xdb, len(raw)) + raw
    if isinstance(value, (list, tuple)):
        return struct.pack('>BI', 0xdd, len(value)) + b''.join(map(pack, value))
    if isinstance(value, dict):
        return struct.pack('>BI', 0xdf, len(value)) + \
            b''.join(pack(k) + pack(v) for k, v in value.items())
    raise TypeError(type(value))


def unpack(raw):
    """The one value that `raw` holds."""
    value, end = _unpack(raw, 0)
    if end != len(raw):
        raise ValueError('bytes after the value')
    return value


_NUMBERS = {0xcc: '>B', 0xcd: '>H', 0xce: '>I', 0xcf: '>Q', 0xd0: '>b', 0xd1: '>h', 0xd2: '>i',
            0xd3: '>q'}
_LENGTHS = {0xc4: '>B', 0xc5: '>H', 0xc6: '>I', 0xd9: '>B', 0xda: '>H', 0xdb: '>I', 0xdc: '>H',
            0xdd: '>I', 0xde: '>H', 0xdf: '>I'}


def _unpack(raw, at):
    first = raw[at]
    at += 1
    if first <= 0x7f:
        return first, at
    if first >= 0xe0:
        return first - 256, at
    if first in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[first], at
    if first in _NUMBERS:
        form = _NUMBERS[first]
        return struct.unpack_from(form, raw, at)[0], at + struct.calcsize(form)
    if first in _LENGTHS:
        form = _LENGTHS[first]
        length = struct.unpack_from(form, raw, at)[0]
        at += struct.calcsize(form)
    elif first >= 0xa0:
        first, length = 0xdb, first & 0x1f
    elif first >= 0x90:
        first, length = 0xdd, first & 0x0f
    else:
        first, length = 0xdf, first & 0x0f
    if first in (0xc4, 0xc5, 0xc6):
        return raw[at:at + length], at + length
    if first in (0xd9, 0xda, 0xdb):
        return raw[at:at + length].decode(), at + length
    items = []
    for _ in range(length if first in (0xdc, 0xdd) else 2 * length):
        item, at = _unpack(raw, at)
        items.append(item)
    return (items if first in (0xdc, 0xdd) else dict(zip(items[::2], items[1::2]))), at


def header(kind, request_id=1, version=1, attempt=0, credit=0, magic=b'SL'):
    return HEADER.pack(magic, version, 0, kind, attempt, credit, request_id)


def hello_body(secret=None, **changes):
    body = {'version_min': 1, 'version_max': 1, 'secret': secret or os.urandom(16),
            'name': 'raw', 'lease_ms': 5000}
    body.update(changes)
    return {k: v for k, v in body.items() if v is not None}


class Closed(Exception):
    """The other side has closed the connection."""


class Link:
    """One ZMTP connection: messages are lists of frames."""

    def __init__(self, plain, kind=b'DEALER'):
        self.plain = plain
        self.buffer = b''
        self.plain.sendall(GREETING)
        self._read(64)
        ready = b'\x05READY' + _property(b'Socket-Type', kind) + _property(b'Identity', b'')
        self.send_frame(ready, COMMAND)
        self._read_frame()

    @classmethod
    def connect(cls, endpoint, seconds=10):
        return cls(plain_socket(endpoint, seconds))

    def close(self):
        self.plain.close()

    def _read(self, size):
        while len(self.buffer) < size:
            more = self.plain.recv(1 << 16)
            if not more:
                raise Closed
            self.buffer += more
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _read_frame(self):
        flags = self._read(1)[0]
        size = struct.unpack('>Q', self._read(8))[0] if flags & LONG else self._read(1)[0]
        return flags, self._read(size)

    def send_frame(self, raw, flags=0):
        if len(raw) > 255:
            self.plain.sendall(struct.pack('>BQ', flags | LONG, len(raw)) + raw)
        else:
            self.plain.sendall(struct.pack('>BB', flags, len(raw)) + raw)

    def send(self, *frames):
        for i, frame in enumerate(frames):
            self.send_frame(frame, MORE if i + 1 < len(frames) else 0)

    def receive(self):
        """The frames of the next message. Raises socket.timeout, Closed."""
        frames = []
        while True:
            flags, raw = self._read_frame()
            if flags & COMMAND:
                continue
            frames.append(raw)
            if not flags & MORE:
                return frames

    def ask(self, kind, body, *payload, request_id=1, **head):
        """Sends a request and gives (type, body) of the answer with its id."""
        self.send(header(kind, request_id, **head), pack(body), *payload)
        return self.answer(request_id)

    def answer(self, request_id):
        while True:
            frames = self.receive()
            found = HEADER.unpack(frames[0])
            if found[6] == request_id:
                return found[3], unpack(frames[1])

    def hello(self, **changes):
        return self.ask(HELLO, hello_body(**changes), request_id=1)


def _property(name, value):
    return bytes([len(name)]) + name + struct.pack('>I', len(value)) + value


def plain_socket(endpoint, seconds=10):
    """Connected to a tcp:// or ipc:// endpoint."""
    scheme, _, address = endpoint.partition('://')
    if scheme == 'ipc':
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(seconds)
        plain.connect(address)
    else:
        host, _, port = address.rpartition(':')
        host = host.strip('[]')
        plain = socket.create_connection((host, int(port)), seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plain


# Of a FakeServer.
WELCOME_BODY = {'version': 1, 'session': 1, 'lease_ms': 10_000, 'epoch': 1, 'window_requests': 64,
                'window_bytes': 8 << 20, 'chunk_bytes': 1 << 20, 'leaf_bytes': 128 << 10,
                'small_file_bytes': 128 << 10, 'server': 'one that fails'}


class FakeServer:
    """Answers every message of every client with the frames that `answer(frames)` gives."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.endpoint = f'tcp://127.0.0.1:{self.listener.getsockname()[1]}'
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            link = Link(plain, b'ROUTER')
            while True:
                reply = self.answer(link.receive())
                if reply:
                    link.send(*reply)
        except (Closed, OSError):
            plain.close()

    def close(self):
        self.listener.close()
