# Server or workers killed under 32 clients that lock, write and release, again and again, and
# started again at once: no acknowledged write is lost, no two hold a lock at once, no number comes
# twice, and no call of a client fails. The clients judge (registers.cpp).
import random
import time

from harness import figure, main, wait_for
from under_load import UnderLoad

CLIENTS = 32
KILLS = figure(5, 50)


class KillLocks(UnderLoad):

    def check(self, kill):
        drawn = random.Random(7)
        self.begin('registers', CLIENTS)
        for i in range(KILLS):
            self.work(2 * CLIENTS, f'work before kill {i + 1}')
            # Anywhere in what they do, whatever the machine's pace.
            time.sleep(drawn.uniform(0, 0.2))
            kill()
            self.assertEqual(self.complaints(), [], f'after kill {i + 1}')
        self.work(2 * CLIENTS, 'work after the last kill')
        expected = self.end()
        self.check_tree(expected)
        wait_for(lambda: not self.json('locks'), 10, 'all locks to be given back')
        self.assert_no_litter()
        self.main.kill()
        self.main.start(seconds=60)
        self.check_tree(expected)
        self.assertEqual(self.json('locks'), [])

    def restart(self):
        self.main.kill()
        self.main.start(seconds=60)

    def test_server(self):
        self.server(threads=2)
        self.check(self.restart)

    def test_server_over_tcp_with_worker_processes(self):
        self.server(listen=('tcp',), threads=0, workers='tcp')
        self.worker()
        self.worker()
        self.check(self.restart)

    def test_workers(self):
        self.server(threads=0, workers='ipc')
        workers = [self.worker(), self.worker()]

        def kill_one():
            workers.pop(0).kill()
            workers.append(self.worker())

        self.check(kill_one)


if __name__ == '__main__':
    main()
