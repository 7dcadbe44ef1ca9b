# The server killed under clients that change the tree, again and again: what was acknowledged is
# there, nothing else is, and nothing is left behind.
import json
import random
import struct
import time

from harness import SystemTest, figure, main, test_program, wait_for

MASK = (1 << 64) - 1


def content(identity, size):
    """As tests/system/content.hpp."""
    words = [0x73746e65746e6f63, identity, size]
    state = (identity * 0x9e3779b97f4a7c15 + size) & MASK
    for _ in range(24, size, 8):
        state ^= (state << 13) & MASK
        state ^= state >> 7
        state ^= (state << 17) & MASK
        words.append(state)
    return struct.pack(f'<{len(words)}Q', *words)[:size]


class Kill(SystemTest):

    def begin(self, clients):
        self.changes = self.spawn(test_program('changes'), self.main.endpoint, clients, stdin=-1)

    def steps(self):
        """How many changes have been acknowledged so far."""
        lines = self.changes.log_text().count('steps ')
        self.changes.popen.stdin.write(b'?')
        self.changes.popen.stdin.flush()
        wait_for(lambda: self.changes.log_text().count('steps ') > lines, 10, 'the count of steps')
        self.assertTrue(self.changes.running(), self.changes.log_text()[-1000:])
        return int(self.changes.log_text().rsplit('steps ', 1)[1].split()[0])

    def end(self):
        """Ends the clients; gives what they expect: {path: (kind, size, id)}."""
        result = self.changes.output(120)
        complaints = [line for line in result.err.splitlines() if 'steps ' not in line]
        self.assertEqual((result.status, complaints), (0, []))
        lines = [json.loads(line) for line in result.out.splitlines()]
        print(f'\n  {lines[-1]["steps"]} changes acknowledged', flush=True)
        return {e['path']: e for e in lines[:-1]}

    def check_tree(self, expected):
        root = self.main.root
        found = {str(p.relative_to(root)): p for p in root.rglob('*')
                 if '.sluice' not in p.parts and p.parent != root}
        self.assertEqual(sorted(expected.keys() - found.keys()), [], 'acknowledged and not there')
        self.assertEqual(sorted(found.keys() - expected.keys()), [], 'there and never acknowledged')
        for path, entry in expected.items():
            if entry['kind'] == 'directory':
                self.assertTrue(found[path].is_dir(), path)
            elif found[path].read_bytes() != content(entry['id'], entry['size']):
                self.fail(f'{path} has other bytes than the last that were acknowledged')

    def killed(self, times, clients=16, pause=(0.2, 1.2)):
        drawn = random.Random(11)
        self.begin(clients)
        for i in range(times):
            before = self.steps()
            wait_for(lambda: self.steps() > before + clients, 60, f'work before kill {i + 1}')
            time.sleep(drawn.uniform(*pause))
            self.main.kill()
            self.main.start(seconds=60)
        before = self.steps()
        wait_for(lambda: self.steps() > before + clients, 60, 'work after the last kill')
        expected = self.end()
        self.check_tree(expected)
        self.assert_no_litter()
        # Once more from the log alone, with nobody there.
        self.main.kill()
        self.main.start(seconds=60)
        self.check_tree(expected)
        self.main.stop()
        self.assertEqual(self.main.litter(), [])
        self.main.start()
        self.check_tree(expected)

    def test_under_sixteen_clients(self):
        self.server(threads=2, lease=1)
        self.killed(figure(4, 20))

    def test_with_worker_processes(self):
        self.server(threads=0, workers='ipc', lease=1)
        self.worker()
        self.worker()
        self.killed(figure(2, 20))

    def test_killed_while_it_starts(self):
        self.server(threads=1, lease=1)
        self.begin(4)
        before = self.steps()
        wait_for(lambda: self.steps() > before + 50, 60, 'work')
        drawn = random.Random(5)
        for _ in range(figure(8, 40)):
            self.main.kill()
            self.main.launch()
            time.sleep(drawn.uniform(0, 0.05))
        self.main.kill()
        self.main.start(seconds=60)
        before = self.steps()
        wait_for(lambda: self.steps() > before + 50, 60, 'work after all starts')
        self.check_tree(self.end())
        self.assert_no_litter()


if __name__ == '__main__':
    main()
