# What no proper client does: random bytes, broken frames and bodies, floods, more than the window,
# answers that nobody reads. The server says so where it can, stays small, and serves the others.
import itertools
import os
import random
import time

import wire
from harness import MIB, SystemTest, figure, main, wait_for


class Raw(SystemTest):

    def setUp(self):
        super().setUp()
        self.server(listen=('tcp', 'ipc'), threads=2, lease=2)
        self.put_text('file', 'file')

    def tearDown(self):
        # Whatever was sent: others are served, memory is bounded, nothing was written.
        self.assertEqual(self.cat('file'), 'file')
        self.assertEqual([e['path'] for e in self.json('ls')], ['file'])
        self.assert_memory()
        self.assert_no_litter()

    def link(self, hello=True, **changes):
        link = wire.Link.connect(self.main.endpoint)
        self.addCleanup(link.close)
        if hello:
            kind, self.welcome = link.hello(**changes)
            self.assertEqual(kind, wire.WELCOME, self.welcome)
        return link

    def assert_code(self, answer, code):
        kind, body = answer
        self.assertEqual((kind, body.get('code')), (wire.ERROR, code), body)

    # --- the conversation ---

    def test_a_proper_conversation(self):
        link = self.link()
        self.assertEqual(self.welcome['version'], 1)
        kind, body = link.ask(wire.STAT, {'path': 'file'}, request_id=2)
        self.assertEqual((kind, body['attributes']['size_bytes']), (wire.STAT + 1, 4))
        kind, body = link.ask(wire.PUT, {'path': 'new', 'root': wire.EMPTY_ROOT}, request_id=3)
        self.assertEqual(kind, wire.PUT + 1, body)
        # The same again, and again after another hello: the first outcome, nothing done anew.
        self.assertEqual(link.ask(wire.REMOVE, {'path': 'new'}, request_id=4)[0], wire.REMOVE + 1)
        again = link.ask(wire.PUT, {'path': 'new', 'root': wire.EMPTY_ROOT}, request_id=3)
        self.assertEqual(again, (wire.PUT + 1, body))
        self.assert_code(link.ask(wire.STAT, {'path': 'new'}, request_id=5), wire.NOT_FOUND)

    def test_unknown_keys_are_ignored(self):
        link = self.link(later={'nested': [1, 2]}, also=None)
        kind, _ = link.ask(wire.STAT, {'path': 'file', 'later': True}, request_id=2)
        self.assertEqual(kind, wire.STAT + 1)

    def test_request_without_hello(self):
        link = self.link(hello=False)
        for kind in (wire.PING, wire.STAT, wire.REMOVE, 999):
            self.assert_code(link.ask(kind, {'path': 'file'}), wire.HELLO_REQUIRED)

    def test_versions(self):
        link = self.link(hello=False)
        for low, high in ((2, 3), (0, 0), (255, 255)):
            answer = link.hello(version_min=low, version_max=high)
            self.assert_code(answer, wire.VERSION_MISMATCH)
        kind, body = link.hello(version_min=1, version_max=9)
        self.assertEqual((kind, body['version']), (wire.WELCOME, 1))
        self.assert_code(link.ask(wire.STAT, {'path': 'file'}, version=2), wire.VERSION_MISMATCH)
        self.assert_code(link.ask(wire.STAT, {'path': 'file'}, version=0), wire.VERSION_MISMATCH)

    def test_bad_hello(self):
        link = self.link(hello=False)
        self.assert_code(link.hello(secret=b'short'), wire.BAD_SESSION)
        self.assert_code(link.hello(secret=bytes(17)), wire.BAD_SESSION)
        self.assert_code(link.hello(name='x' * 129), wire.BAD_SESSION)
        self.assert_code(link.hello(connection=7), wire.BAD_SESSION)
        self.assert_code(link.hello(secret='text'), wire.BAD_MESSAGE)
        self.assert_code(link.hello(version_min=None), wire.BAD_MESSAGE)

    def test_unknown_and_inner_types(self):
        link = self.link()
        for kind in (0, 2, 0x7f, 0xffff, 0x4a, wire.WELCOME, wire.STAT + 1, 0x80, 0x82, 0x88,
                     wire.COMMIT, 0xa4, 0xa6, wire.PUBLISH, 0xc4):
            body = {'path': 'file', 'kind': 2, 'bye': True, 'lease_ms': 1, 'worker': 1}
            self.assert_code(link.ask(kind, body, request_id=kind + 2), wire.UNKNOWN_TYPE)

    # --- bodies ---

    def test_bad_bodies(self):
        link = self.link()
        bodies = [b'', b'\x00', b'\xc1', b'{"path": "file"}', wire.pack({'path': 7}),
                  wire.pack({'path': None}), wire.pack(['path', 'file']), wire.pack({}),
                  wire.pack({'path': 'file'}) + b'\x00', wire.pack({'path': 'file'})[:-1],
                  wire.pack({'path': b'file'}),
                  # Five bytes that ask for gigabytes; nesting without end.
                  b'\xdf\xff\xff\xff\xff', b'\xdd\xff\xff\xff\xff', b'\xdb\xff\xff\xff\xff',
                  b'\x81\xa4path\xdb\xff\xff\xff\xff', b'\x81' * 100_000, b'\x91' * 1_000_000,
                  b'\x81\xa4path' + b'\xdd\x00\xff\xff\xff' * 1000, os.urandom(1000)]
        requests = itertools.count(100)
        for body in bodies:
            for kind in (wire.STAT, wire.ACQUIRE, wire.PUT):
                request = next(requests)
                link.send(wire.header(kind, request), body)
                large = len(body) > 64 << 10 and kind != wire.ACQUIRE
                code = wire.TOO_LARGE if large else wire.BAD_MESSAGE
                self.assert_code(link.answer(request), code)

    def test_random_bodies(self):
        link = self.link()
        drawn = random.Random(3)
        kinds = [wire.STAT, wire.GET, wire.READ, wire.PUT, wire.WRITE_BEGIN, wire.WRITE_CHUNK,
                 wire.WRITE_COMMIT, wire.REMOVE, wire.ACQUIRE, wire.CANCEL, 0x22, 0x28, 0x38, 0x3a,
                 0x42, 0x44, 0x46, 0x48, 0x64, 0x66, 0x68, wire.HELLO]
        # A path from which no few changed bytes make one that can be written to.
        good = wire.pack({'path': '../../../x', 'snapshot': '../../file', 'length_bytes': 5})
        for i in range(2, figure(2000, 50_000)):
            body = bytearray(good)
            for _ in range(drawn.randrange(1, 4)):
                body[drawn.randrange(len(body))] = drawn.randrange(256)
            kind = drawn.choice(kinds)
            link.send(wire.header(kind, i), bytes(body))
            kind_found, _ = link.answer(i)
            self.assertIn(kind_found, (wire.ERROR, kind + 1))

    def test_paths_only_a_raw_client_sends(self):
        link = self.link()
        paths = ['a\0b', '\0', '../x', '/etc/passwd', '.', '..', 'a/./b', 'a//b', 'a/', '/',
                 '.sluice', '.sluice/lock', 'x' * 256, 'a/' * 128 + 'a', 'y/' * 2500 + 'y',
                 b'\xff'.decode('latin1') + '\ud7ff' + '\0']
        request = 1
        for path in paths:
            for kind in (wire.STAT, wire.GET, wire.PUT, wire.WRITE_BEGIN, wire.REMOVE, 0x46,
                         wire.ACQUIRE):
                request += 1
                body = {'path': path, 'root': wire.EMPTY_ROOT, 'upload': bytes(16),
                        'size_bytes': 200_000, 'claims': [{'path': path}]}
                self.assert_code(link.ask(kind, body, request_id=request), wire.BAD_PATH)

    def test_snapshots_are_no_paths(self):
        link = self.link()
        for i, snapshot in enumerate(['../lock', '../../file', '/etc/passwd', '', '.', 'x' * 300,
                                      '0000000000000001.0', 'a\0b']):
            kind, body = link.ask(wire.READ, {'snapshot': snapshot, 'length_bytes': 100},
                                  request_id=2 + i, credit=1000)
            self.assertEqual(kind, wire.ERROR, body)

    # --- frames ---

    def test_random_bytes_on_a_plain_socket(self):
        drawn = random.Random(4)
        for i in range(figure(40, 1000)):
            plain = wire.plain_socket(self.main.endpoints[i % 2])
            begin = [b'', b'GET / HTTP/1.1\r\n\r\n', wire.GREETING, wire.GREETING[:11],
                     b'\xff' + bytes(8) + b'\x7f'][i % 5]
            try:
                plain.sendall(begin + drawn.randbytes(drawn.randrange(1, 20_000)))
            except OSError:
                pass  # closed by the server already
            plain.close()
        self.ok('ping')

    def test_broken_first_frames(self):
        link = self.link()
        good = wire.pack({'path': 'file'})
        for frames in ([b''], [b'', b''], [b'x' * 20, good], [wire.header(wire.STAT)],
                       [wire.header(wire.STAT, magic=b'XX'), good],
                       [wire.header(wire.STAT)[:19], good], [wire.header(wire.STAT) + b'x', good],
                       [wire.header(wire.STAT), good, b'payload', b'one too many'],
                       [b'', wire.header(wire.STAT), good], [os.urandom(44), good, b'']):
            link.send(*frames)
        # Nobody can answer those; what comes after them is served.
        self.assertEqual(link.ask(wire.STAT, {'path': 'file'}, request_id=77)[0], wire.STAT + 1)

    def test_oversized_frames_end_the_connection(self):
        link = self.link()
        with self.assertRaises((wire.Closed, OSError)):
            link.send(wire.header(wire.PUT, 2), wire.pack({'path': 'x', 'root': wire.EMPTY_ROOT}),
                      bytes(3 * MIB))
            link.plain.settimeout(10)
            link.receive()
            self.fail('a frame of 3 MiB was answered')

    def test_an_honest_connection_is_kept(self):
        # What looks for messages that never end must not take a busy connection for one.
        for pause in (0, 0.01, 0.05, 0.1):
            link = self.link()
            body = {'path': 'x', 'root': bytes(16)}
            for round_ in range(3):
                for i in range(100):
                    request = 10 + round_ * 100 + i
                    self.assertEqual(link.ask(wire.PUT, body, bytes(128 << 10),
                                              request_id=request)[0], wire.ERROR)
                time.sleep(0.3 + pause)
                self.assertEqual(link.ask(wire.PING, {}, request_id=1000 + round_)[0], wire.PONG)

    def test_endless_multipart(self):
        link = self.link()
        sent = 0
        try:
            while sent < 400 * MIB:
                link.send_frame(bytes(MIB), wire.MORE)
                sent += MIB
        except OSError:
            pass  # the server has shut the connection, as it should
        self.ok('ping')
        self.assert_memory()

    def test_endless_small_multipart(self):
        link = self.link()
        burst = (b'\x01\x00' * (MIB // 2))
        try:
            for _ in range(figure(20, 100)):
                link.plain.sendall(burst)
        except OSError:
            pass
        self.ok('ping')
        self.assert_memory()

    # --- windows ---

    def test_more_requests_than_the_window(self):
        window = 256
        holder, link = self.link(), self.link()
        self.assertEqual(self.welcome['window_requests'], window)
        claims = {'claims': [{'path': 'lock'}], 'wait_ms': 60_000}
        self.assertEqual(holder.ask(wire.ACQUIRE, claims, request_id=2)[0], wire.ACQUIRE_REPLY)
        for i in range(window + 44):
            link.send(wire.header(wire.ACQUIRE, 10 + i), wire.pack(claims))
        refused = {wire.HEADER.unpack(link.receive()[0])[6] for _ in range(44)}
        self.assertEqual(refused, set(range(10 + window, 10 + window + 44)))
        self.assertEqual(link.ask(wire.PING, {}, request_id=9)[0], wire.PONG)
        # Room again once one of them is answered.
        self.assertEqual(link.ask(wire.CANCEL, {'request_id': 10}, request_id=8)[0],
                         wire.CANCEL + 1)
        wait_for(lambda: link.ask(wire.STAT, {'path': 'file'}, request_id=7)[0] == wire.STAT + 1,
                 5, 'room in the window')

    def test_more_bytes_than_the_window(self):
        link = self.link()
        answer = link.ask(wire.GET, {'path': 'file'}, request_id=2,
                          credit=self.welcome['window_bytes'] + 1)
        self.assert_code(answer, wire.WINDOW_EXCEEDED)

    def test_payload_larger_than_a_small_file(self):
        link = self.link()
        answer = link.ask(wire.PUT, {'path': 'x', 'root': wire.EMPTY_ROOT}, bytes(200_000),
                          request_id=2)
        self.assert_code(answer, wire.TOO_LARGE)

    def test_wrong_digest(self):
        link = self.link()
        kind, body = link.ask(wire.PUT, {'path': 'x', 'root': bytes(16)}, b'bytes', request_id=2)
        self.assertEqual((kind, body['code']), (wire.ERROR, 63), body)

    def test_answers_that_nobody_reads(self):
        (self.directory / 'large').write_bytes(os.urandom(8 * MIB))
        self.ok('put', self.directory / 'large', 'large')
        deaf = []
        for _ in range(6):
            link = self.link()
            kind, body = link.ask(wire.GET, {'path': 'large'}, request_id=2)
            self.assertEqual(kind, wire.GET + 1)
            deaf.append((link, wire.pack({'snapshot': body['snapshot'], 'length_bytes': MIB})))
        request = 10
        for _ in range(400):
            for link, body in deaf:
                request += 1
                link.plain.settimeout(0.5)
                try:
                    link.send(wire.header(wire.READ, request, credit=MIB), body)
                except OSError:
                    pass  # it is not read from any more
        self.ok('ping')
        self.assert_memory()
        for link, _ in deaf:
            link.close()
        self.ok('rm', 'large')

    def test_many_sessions(self):
        links = [self.link() for _ in range(figure(200, 800))]
        self.assertEqual(links[0].ask(wire.STAT, {'path': 'file'}, request_id=2)[0], wire.STAT + 1)
        for link in links:
            link.close()

    def test_half_a_handshake(self):
        plains = []
        for i in range(50):
            plain = wire.plain_socket(self.main.endpoint)
            plain.sendall(wire.GREETING[:i + 1])
            plains.append(plain)
        self.ok('ping')
        for plain in plains:
            plain.close()


if __name__ == '__main__':
    main()
