# Plays scenarios of several named clients, each a real process, against a real server: files of
# tests/system/scenes, line after line, without waiting for anything but what a line says has to
# happen. Read on: scenes/README for the language, test_scenes.py, scene_client.cpp.
import collections
import pathlib
import queue
import re
import signal
import threading
import time

import wire
from harness import SLOWNESS, SOURCE, test_program, wait_for

DIRECTORY = pathlib.Path(__file__).resolve().parent / 'scenes'
PATIENCE = 20
# Slow builds get longer leases, times to live and waits, all by the same factor.
PACE = 1 if SLOWNESS == 1 else 2
LONG_WAIT = '60s'

CODES = {int(number): name for number, name in re.findall(
    r'^\| (\d+) \| `(\w+)` \| \d+ \|', (SOURCE / 'docs' / 'protocol.md').read_text(), re.M)}

# What each request is called when it was done.
DONE = {'lock': 'granted', 'unlock': 'released', 'renew': 'renewed', 'upgrade': 'upgraded',
        'downgrade': 'downgraded', 'break': 'broken', 'put': 'stored', 'rm': 'removed',
        'mv': 'renamed', 'cp': 'copied', 'mkdir': 'made', 'cat': 'reads'}
SIGNALS = {'pauses': signal.SIGSTOP, 'continues': signal.SIGCONT}
# What the server's list says of waiters besides their name.
REMARK = re.compile(r' \((a change|waits to have it alone|ending)\)$')

Scenario = collections.namedtuple('Scenario', 'name options lines')
Line = collections.namedtuple('Line', 'number text')


def read_scenes(path):
    """The scenarios of a file, by their names."""
    scenes = {}
    for number, text in enumerate(path.read_text().splitlines(), 1):
        text = text.split('# ')[0].strip()
        if not text or text == '#':
            continue
        head, _, rest = text.partition(': ')
        if head == 'scenario':
            assert rest not in scenes, f'{path.name}:{number}: there is one of this name'
            scene = scenes[rest] = Scenario(rest, {}, [])
        elif head == 'server':
            scene.options.update(word.split('=') for word in rest.split())
        else:
            scene.lines.append(Line(number, text))
    return scenes


def milliseconds(text):
    found = re.fullmatch(r'(\d+)(ms|s)', text)
    return int(found[1]) * (1000 if found[2] == 's' else 1) * PACE if found else None


class Wrong(Exception):
    """Something else happened than the line says."""


class Asked:
    """A request of a client, until somebody expected its answer."""

    def __init__(self, job, verb, agent, label, shown):
        self.job = job
        self.verb = verb
        self.agent = agent
        self.label = label
        self.shown = shown
        self.answer = None


class Client:
    """One process with one session."""

    def __init__(self, stage, name, endpoint):
        self.stage = stage
        self.name = name
        self.process = stage.test.spawn(test_program('scene_client'), endpoint, name, stdin=-1)
        self.tokens = {}
        self.asked = []
        self.lost = []
        self.last_job = 0
        threading.Thread(target=self._read, args=(self.process.popen.stdout,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            self.stage.inbox.put((self, line.decode().split()))

    def ask(self, verb, kind, body, agent=0, label='', shown=None, payload=b''):
        self.last_job += 1
        asked = Asked(self.last_job, verb, agent, label, shown or self.name)
        self.asked.append(asked)
        self.write(asked.job, kind, wire.pack(body), payload)
        return asked

    def write(self, job, kind, body=b'\x80', payload=b''):
        self.process.popen.stdin.write(f'{job} {kind} {body.hex()} {payload.hex()}\n'.encode())
        self.process.popen.stdin.flush()

    def take(self, job, kind, body, payload=''):
        """What the process has said."""
        body = wire.unpack(bytes.fromhex(body))
        if kind == wire.LOCK_LOST:
            label = next((label for label, token in self.tokens.items()
                          if token.split('-')[0] == str(body['number'])), '?')
            self.lost.append(f"lost {label}: {CODES[body['code']]}: {body.get('detail', '')}")
        for asked in self.asked:
            if asked.job == job:
                asked.answer = self._answer(asked, kind, body, bytes.fromhex(payload).decode())

    def _answer(self, asked, kind, body, payload):
        if kind == wire.ERROR:
            return f"{CODES[body['code']]}: {body.get('path', '')}: {body.get('detail', '')}"
        if asked.verb == 'lock':
            self.tokens[asked.label] = body['token']
        about = payload if asked.verb == 'cat' else asked.label
        return f'{DONE[asked.verb]} {about}'.strip()


class Words:
    """The words of a request: paths, and what is said besides."""

    def __init__(self, text, stage, client):
        self.paths, self.claims, self.terms = [], [], {}
        self.label = self.owner = None
        self.recursive = tree = shared = False
        words = collections.deque(text.split())
        while words:
            word = words.popleft()
            if word in ('--tree', '--path'):
                tree = word == '--tree'
            elif word == '-r':
                self.recursive = True
            elif word in ('--shared', '--exclusive'):
                shared = word == '--shared'
            elif word == 'wait':
                given = words and milliseconds(words[0])
                self.terms['wait_ms'] = given or milliseconds(LONG_WAIT)
                if given:
                    words.popleft()
            elif word == 'ttl':
                self.terms['ttl_ms'] = milliseconds(words.popleft())
            elif word == 'under':
                self.terms['under'] = stage.token(client, words.popleft())
            elif word == 'owner':
                self.terms['owner'] = self.owner = words.popleft()
            elif word == 'as':
                self.label = words.popleft()
            else:
                path = '' if word == '/' else word
                self.paths.append(path)
                self.claims.append({'path': path, 'tree': tree, 'shared': shared})

    def change(self):
        """As the terms of a change."""
        terms = dict(self.terms)
        if 'under' in terms:
            terms['token'] = terms.pop('under')
        return terms


class Stage:
    """A scenario that is being played."""

    def __init__(self, test, scenario):
        self.test = test
        self.scenario = scenario
        self.inbox = queue.Queue()
        self.clients = {}
        self.workers = []
        self.observer = None
        options = dict(scenario.options)
        if 'lease' in options:
            options['lease'] = float(options['lease']) * PACE
        self.server = test.server(threads=int(options.pop('threads', 1)), **options)

    def play(self):
        for line in self.scenario.lines:
            try:
                self.step(line.text)
            except (Wrong, AssertionError) as wrong:
                raise AssertionError(f'line {line.number}: {line.text}\n  but {wrong}\n'
                                     f'  {self._state()}') from None
        self._end()

    # --- a line ---

    def step(self, text):
        action, arrow, expected = text.partition('->')
        expected = expected.strip()
        who, _, what = action.strip().partition(' ')
        what = what.strip()
        if hasattr(self, f'on_{who}'):
            return getattr(self, f'on_{who}')(what, expected)
        name, _, agent = who.partition('#')
        if what in SIGNALS or what in ('dies', 'ends'):
            return self._disturb(name, what)
        asked = self._act(self._client(name), what, int(agent or 0)) if what else None
        if expected == 'waits':
            self._expect_waiting(self._client(name))
        elif expected != 'sent' and arrow:
            self._expect(self._client(name), expected, asked, int(agent) if agent else None)

    def on_server(self, what, expected):
        verb, _, path = what.partition(' ')
        if verb == 'lists':
            wanted = [] if expected == 'nothing' else expected.split(', ')
            return self._expect_list('' if path == '/' else path, wanted)
        if verb in SIGNALS:
            return self.server.process.signal(SIGNALS[verb])
        if verb == 'restarts':
            return self.server.start(seconds=60)
        self.observer = None
        return self.server.kill() if verb == 'killed' else self.server.stop()

    def on_worker(self, what, _):
        if what == 'joins':
            self.workers.append(self.test.worker(self.server))
        elif what == 'joins and stops before its commit':
            self.workers.append(self.test.spawn(test_program('stopping_worker'), self.server.root,
                                                self.server.workers_endpoint))
        elif what == 'stops':
            if self.workers[-1].popen.stdout.readline() != b'stopping\n':
                raise Wrong('the worker has ended')
            return
        elif what == 'killed':
            return self.workers.pop(0).kill()
        else:
            return self.workers[0].signal(SIGNALS[what])
        count = len(self.workers)
        wait_for(lambda: self._ask(wire.PING, {}).get('workers') == count, PATIENCE,
                 f'{count} workers')

    def on_time(self, what, _):
        # Time itself is what has to pass here.
        time.sleep(milliseconds(what.removeprefix('passes ')) / 1000)

    def _disturb(self, name, what):
        client = self.clients[name]
        if what in SIGNALS:
            return client.process.signal(SIGNALS[what])
        if what == 'dies':
            client.process.kill()
        else:
            client.process.popen.stdin.close()
            client.process.popen.stdin = None
            client.process.wait(PATIENCE)
        # Its tokens are still good, if its locks are.
        client.asked.clear()

    # --- requests ---

    def _client(self, name):
        known = self.clients.get(name)
        if known is None or not known.process.running():
            self.clients[name] = Client(self, name, self.server.endpoint)
            if known is not None:
                self.clients[name].tokens = known.tokens
        return self.clients[name]

    def token(self, client, reference):
        """Of "LABEL", "CLIENT:LABEL" or "=TOKEN"."""
        if reference.startswith('='):
            return reference[1:]
        name, colon, label = reference.rpartition(':')
        tokens = self.clients[name].tokens if colon else client.tokens
        if label not in tokens:
            raise Wrong(f'there was no grant of {reference}')
        return tokens[label]

    def _act(self, client, text, agent):
        verb, _, rest = text.partition(' ')
        if verb == 'cancel':
            asked = next(a for a in client.asked if a.answer is None and a.agent == agent)
            client.write(asked.job, wire.CANCEL)
            return asked
        words = Words(rest, self, client)
        if verb == 'lock':
            body = {'claims': words.claims, 'agent': agent, **words.terms}
            return client.ask(verb, wire.ACQUIRE, body, agent,
                              words.label or words.paths[0] or '/', words.owner)
        if verb in ('unlock', 'renew', 'upgrade', 'downgrade', 'break'):
            return self._about_token(client, verb, words, agent)
        return self._change(client, verb, words, agent)

    def _about_token(self, client, verb, words, agent):
        label = words.paths[0] or '/'
        token = self.token(client, label)
        kind, body = {
            'unlock': (wire.RELEASE, {}), 'renew': (wire.RENEW, {}),
            'upgrade': (wire.CONVERT, {'shared': False, 'agent': agent, **words.terms}),
            'downgrade': (wire.CONVERT, {'shared': True}),
            'break': (wire.BREAK, {'number': int(token.split('-')[0])})}[verb]
        if verb != 'break':
            body['token'] = token
        return client.ask(verb, kind, body, agent, label)

    def _change(self, client, verb, words, agent):
        path = words.paths[0]
        if verb == 'cat':
            return client.ask(verb, wire.GET, {'path': path}, agent, path)
        body = {'path': path, 'agent': agent, **words.change()}
        payload = b''
        kind = {'put': wire.PUT, 'rm': wire.REMOVE, 'mv': wire.RENAME, 'cp': wire.COPY,
                'mkdir': wire.MAKE_DIRECTORY}[verb]
        if verb == 'put':
            # By default a file says who put it.
            payload = (words.paths[1] if len(words.paths) > 1 else client.name).encode()
            body['root'] = wire.EMPTY_ROOT
        elif verb in ('mv', 'cp'):
            body['to_path'] = words.paths[1]
        elif verb == 'rm' and words.recursive:
            body['recursive'] = True
        return client.ask(verb, kind, body, agent, path, payload=payload)

    # --- what comes of them ---

    def _take(self):
        """What the clients have said so far."""
        while True:
            try:
                client, words = self.inbox.get_nowait()
            except queue.Empty:
                return
            client.take(int(words[0]), int(words[1]), *words[2:])

    def _expect(self, client, expected, asked, agent):
        if expected.startswith('lost '):
            answers = client.lost
        else:
            answers = None

        def answer():
            self._take()
            if answers is not None:
                return answers.pop(0) if answers else None
            for each in client.asked:
                if each.answer is not None and (asked or each) is each and agent in (None,
                                                                                    each.agent):
                    client.asked.remove(each)
                    return each.answer
            return None

        try:
            got = wait_for(answer, PATIENCE, 'an answer')
        except AssertionError:
            raise Wrong('there is no answer') from None
        self._compare(expected, got)

    def _compare(self, expected, got):
        first, _, rest = expected.partition(' ')
        code, _, about = got.partition(' ')
        at = 0
        for part in rest.split(' ... '):
            at = about.find(part, at)
            if at < 0:
                break
            at += len(part)
        if first.strip(':') != code.strip(':') or at < 0:
            raise Wrong(f'the answer is "{got}"')

    def _expect_waiting(self, client):
        """The server lists all requests of the client that are not answered as waiters."""
        def all_listed():
            self._take()
            for asked in client.asked:
                if asked.answer is not None:
                    raise Wrong(f'the answer is "{asked.answer}"')
            waiting = collections.Counter(asked.shown for asked in client.asked)
            listed = collections.Counter(REMARK.sub('', lock['holder']) for lock in self._locks('')
                                         if self._waits(lock))
            return waiting and all(listed[name] == waiting[name] for name in waiting)

        try:
            wait_for(all_listed, PATIENCE, 'it to be listed as a waiter')
        except AssertionError:
            raise Wrong('the server does not list it as a waiter') from None

    @staticmethod
    def _waits(lock):
        return not lock.get('number') or lock['holder'].endswith(' (waits to have it alone)')

    def _expect_list(self, path, wanted):
        try:
            wait_for(lambda: self._list(path) == wanted, PATIENCE, 'the list')
        except AssertionError:
            raise Wrong(f'it lists: {", ".join(self._list(path))}') from None

    def _list(self, path):
        return [f"{REMARK.sub('', lock['holder'])} {'holds' if lock.get('number') else 'waits'} "
                f"{self._claims(lock['claims'])}" for lock in self._locks(path)]

    @staticmethod
    def _claims(claims):
        return ' '.join(('--shared ' if claim.get('shared') else '') +
                        ('--tree ' if claim.get('tree') else '') + (claim['path'] or '/')
                        for claim in claims)

    # --- the server's own word ---

    def _ask(self, kind, body):
        if self.observer is None:
            self.observer = wire.Link.connect(self.server.endpoint, PATIENCE * SLOWNESS)
            self.test.addCleanup(self.observer.close)
            self.observer.hello(name='observer', lease_ms=3_600_000)
            self.last_request = 1
        self.last_request += 1
        answered, found = self.observer.ask(kind, body, request_id=self.last_request)
        if answered == wire.ERROR:
            raise Wrong(f'the server says {found}')
        return found

    def _locks(self, path):
        return self._ask(wire.LIST_LOCKS, {'path': path})['locks']

    def _state(self):
        answers = [f'{c.name}: "{a.answer}"' for c in self.clients.values() for a in c.asked
                   if a.answer is not None]
        try:
            listed = ', '.join(self._list(''))
        except Exception as failure:  # whatever it is, the line's own failure counts
            listed = f'nothing ({failure})'
        return f'unexpected answers: {", ".join(answers) or "none"}; the server lists {listed}'

    def _end(self):
        """Nothing was answered that no line expects."""
        if self.server.process.running():
            self._ask(wire.PING, {})
        self._take()
        for client in self.clients.values():
            for asked in client.asked:
                if asked.answer is not None:
                    raise AssertionError(f'at the end {client.name} got the answer '
                                         f'"{asked.answer}", which no line expects')
