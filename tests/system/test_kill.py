# The server killed under clients that change the tree, again and again: what was acknowledged is
# there, nothing else is, and nothing is left behind.
import random
import time

from harness import figure, main
from under_load import UnderLoad


class Kill(UnderLoad):

    def killed(self, times, clients=16, pause=(0.2, 1.2)):
        drawn = random.Random(11)
        self.begin('changes', clients)
        for i in range(times):
            self.work(clients, f'work before kill {i + 1}')
            time.sleep(drawn.uniform(*pause))
            self.main.kill()
            self.main.start(seconds=60)
        self.work(clients, 'work after the last kill')
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
        self.begin('changes', 4)
        self.work(50, 'work')
        drawn = random.Random(5)
        for _ in range(figure(8, 40)):
            self.main.kill()
            self.main.launch()
            time.sleep(drawn.uniform(0, 0.05))
        self.main.kill()
        self.main.start(seconds=60)
        self.work(50, 'work after all starts')
        self.check_tree(self.end())
        self.assert_no_litter()


if __name__ == '__main__':
    main()
