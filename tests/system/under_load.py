# Tests beside clients that work until they are told to end, with what they expect to be there. The
# clients are threads of one process: changes.cpp, registers.cpp (load.hpp is the other side).
import json
import struct

from harness import SystemTest, test_program, wait_for

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


class UnderLoad(SystemTest):

    def begin(self, program, clients):
        self.load = self.spawn(test_program(program), self.main.endpoint, clients, stdin=-1)

    def steps(self):
        """How many steps are done so far, and acknowledged."""
        lines = self.load.log_text().count('steps ')
        self.load.popen.stdin.write(b'?')
        self.load.popen.stdin.flush()
        wait_for(lambda: self.load.log_text().count('steps ') > lines, 10, 'the count of steps')
        self.assertTrue(self.load.running(), self.load.log_text()[-1000:])
        return int(self.load.log_text().rsplit('steps ', 1)[1].split()[0])

    def work(self, steps, what):
        """Waits until so many more steps are done."""
        before = self.steps()
        wait_for(lambda: self.steps() > before + steps, 60, what)

    def complaints(self):
        return [line for line in self.load.log_text().splitlines() if 'steps ' not in line]

    def end(self):
        """Ends the clients; gives what they expect: {path: (kind, size, id)}."""
        result = self.load.output(120)
        self.assertEqual((result.status, self.complaints()), (0, []))
        lines = [json.loads(line) for line in result.out.splitlines()]
        for line in lines:
            if 'steps' in line:
                print(f'\n  {line["steps"]} steps acknowledged', flush=True)
        return {line['path']: line for line in lines if 'path' in line}

    def check_tree(self, expected):
        """What the clients' directories hold is what they expect."""
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
