# The power is cut under clients that change the tree, again and again, on file systems of the
# running kernel: what was acknowledged is there, nothing is torn, nothing is left behind. The disk
# loses what it was not told to flush (recorded_disk.cpp, power_loss.py). SLUICE_TEST_SEED (1)
# decides what survives; what the clients and the kernel do meanwhile is their own.
import functools
import hashlib
import json
import os
import random
import signal
import time
import unittest

import power_loss
from harness import SLOWNESS, figure, main, test_program, wait_for
from under_load import UnderLoad, content

SEED = int(os.environ.get('SLUICE_TEST_SEED', '1'))
CLIENTS = 8
LARGE_MIB = 4
# How many writes are to wait for a flush when the power goes.
UNFLUSHED = (1, 2, 3, 4, 6, 10, 16)
DIRECTORY = 'directory'


def digest(data):
    return hashlib.blake2b(data).hexdigest()


@functools.lru_cache(maxsize=100_000)
def digest_of(identity, size):
    return digest(content(identity, size))


def tree_of(entries):
    """What clients expect, as {path: digest, or that it is a directory}."""
    return {entry['path']: DIRECTORY if entry['kind'] == 'directory' else
            digest_of(entry['id'], entry['size']) for entry in entries}


def differences(expected, found):
    wrong = [f'{path} is missing' for path in sorted(expected.keys() - found.keys())]
    wrong += [f'{path} is too much' for path in sorted(found.keys() - expected.keys())]
    return wrong + [f'{path} is not what it was' for path in sorted(expected.keys() & found.keys())
                    if expected[path] != found[path]]


@unittest.skipIf(power_loss.missing(), power_loss.missing())
class PowerLoss(UnderLoad):

    def begin_on(self, filesystem, **options):
        self.disk = power_loss.RecordedDisk(self.directory, filesystem)
        self.addCleanup(self.disk.close)
        self.drawn = random.Random(f'{filesystem} {SEED}')
        self.server(root=self.disk.mounted / 'root', threads=2, lease=1, **options)
        # The name of the root itself is not the server's business.
        power_loss.run('sync', '--file-system', self.disk.mounted)
        self.load = self.spawn(test_program('changes'), self.main.endpoint, CLIENTS, LARGE_MIB,
                               stdin=-1)

    def lose_power(self):
        """Gives the counts of what the disk had not flushed."""
        counts = self.disk.cut(self.drawn.randrange(1 << 32), self.drawn.choice(UNFLUSHED),
                               lambda: self.main.process.signal(signal.SIGKILL))
        self.main.process.wait(30)
        self.disk.boot()
        return counts

    def told(self):
        """What each client expects: the entries of its directory as they were acknowledged, and
        as they will be by the change that is not answered yet (None: there is none)."""
        self.load.popen.stdin.write(b'!')
        self.load.popen.stdin.flush()
        return [json.loads(self.load.popen.stdout.readline()) for _ in range(CLIENTS)]

    def found(self, client):
        return {str(path.relative_to(self.main.root)):
                DIRECTORY if path.is_dir() else digest(path.read_bytes())
                for path in (self.main.root / f'c{client}').rglob('*')}

    def lost(self):
        """What of the clients' changes is lost or spoilt, in words. A change that nobody was told
        of may be there, whole, or not."""
        wrong = []
        for client, expected in enumerate(self.told()):
            found = self.found(client)
            now = differences(tree_of(expected['now']), found)
            if now and (expected['next'] is None or
                        differences(tree_of(expected['next']), found)):
                wrong += now
        return wrong

    def assert_no_litter(self, server=None, seconds=15):
        super().assert_no_litter(server, seconds)
        wait_for(lambda: not any(self.main.own('trash').iterdir()), seconds, 'an empty trash')

    def check(self):
        """Starts the server where none of the clients finds it, looks at everything, and starts it
        again where they do."""
        found_by_clients = self.main.endpoints
        self.main.endpoints = [f'ipc://{self.directory}/check.sock']
        self.main.start(seconds=60)
        self.assertEqual(self.lost(), [])
        self.assertRegex(self.ok('verify', '-r', '.'), r': no damage\n\Z')
        self.assert_no_litter()
        # A start that is itself cut short by a kill, or not.
        if self.drawn.random() < 0.5:
            self.main.kill()
        else:
            self.main.stop()
        self.main.endpoints = found_by_clients
        self.main.start(seconds=60)

    def lose_power_again_and_again(self, filesystem, cuts):
        begin = time.monotonic()
        self.begin_on(filesystem)
        counts = [0, 0, 0]
        for i in range(cuts):
            self.work(CLIENTS * 4, f'work before cut {i + 1}')
            time.sleep(self.drawn.uniform(0, 0.5))
            try:
                counts = [a + b for a, b in zip(counts, self.lose_power())]
                self.check()
            except AssertionError as error:
                raise AssertionError(f'cut {i + 1} of seed {SEED}: {error}') from error
        self.work(CLIENTS * 4, 'work after the last cut')
        steps = self.steps()
        self.check_tree(self.end())
        self.assert_no_litter()
        self.main.stop()
        print(f'\n  {filesystem}, seed {SEED}: {cuts} cuts, {steps} changes acknowledged; of '
              f'{counts[0]} writes that were not flushed {counts[1]} stayed whole and {counts[2]} '
              f'in part; {time.monotonic() - begin:.0f} s', flush=True)

    def test_on_ext4(self):
        self.lose_power_again_and_again('ext4', figure(5, 100))

    def test_on_xfs(self):
        self.lose_power_again_and_again('xfs', figure(2, 100))

    @unittest.skipUnless(SLOWNESS == 1, 'no library comes before those of the sanitizers')
    def test_canary_without_syncs(self):
        library = test_program('liblost_syncs.so')
        self.begin_on('ext4', prefix=['env', f'LD_PRELOAD={library}'])
        self.work(CLIENTS * 10, 'work before the cut')
        self.lose_power()
        # What has lost its log and its tree may not even start; without the library, to be sure
        # that this is not what fails.
        self.main.prefix = []
        try:
            self.main.start()
        except AssertionError as error:
            print(f'\n  canary: {error}', flush=True)
            return
        lost = self.lost()
        self.assertNotEqual(lost, [])
        print(f'\n  canary: {len(lost)} losses, such as: {lost[0]}', flush=True)


if __name__ == '__main__':
    power_loss.enter_namespaces()
    main()
