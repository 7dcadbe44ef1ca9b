# Servers by name: sluice.conf, --server, $SLUICE_SERVER and `sluice servers`, with real processes.
import os
import subprocess

import harness
from harness import SLUICE, SLOWNESS


class Servers(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.config = self.directory / 'home' / '.config' / 'sluice' / 'sluice.conf'
        self.config.parent.mkdir(parents=True)

    def run_with(self, *arguments, **variables):
        # What says where a sluice.conf or a server is goes, what sanitizers are told stays.
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(('SLUICE_', 'XDG_'))}
        environment.update(HOME=str(self.directory / 'home'), **variables)
        return subprocess.run([SLUICE, *arguments], env=environment, text=True, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60 * SLOWNESS)

    def succeeds(self, *arguments, **variables):
        done = self.run_with(*arguments, **variables)
        self.assertEqual((done.returncode, done.stderr), (0, ''), arguments)
        return done.stdout

    def fails(self, says, *arguments, **variables):
        done = self.run_with(*arguments, **variables)
        self.assertEqual(done.returncode, 2, done)
        self.assertRegex(done.stderr, r'\A[^\n]+\n\Z')
        self.assertIn(says, done.stderr)

    def test_names_stand_for_servers(self):
        lab, home = self.server(), self.server()
        self.put_text('lab-file', 'x', server=lab)
        self.put_text('home-file', 'x', server=home)
        self.config.write_text(f'default = lab\n[lab]\nendpoint = {lab.endpoint}\nname = ann\n'
                               f'[home]\nendpoint = {home.endpoint}\n')
        self.assertEqual(self.succeeds('ls'), 'lab-file\n')
        self.assertEqual(self.succeeds('--server', 'home', 'ls'), 'home-file\n')
        self.assertEqual(self.succeeds('ls', '--server=home'), 'home-file\n')
        self.assertEqual(self.succeeds('ls', SLUICE_SERVER='home'), 'home-file\n')
        self.assertEqual(self.succeeds('--server', 'lab', 'ls', SLUICE_SERVER='home'), 'lab-file\n')
        self.assertEqual(self.succeeds('--server', home.endpoint, 'ls'), 'home-file\n')
        # What runs under a lock talks to the same server, by its endpoint.
        under = ('lock', 'a', '--', 'sh', '-c', f'echo $SLUICE_SERVER; {SLUICE} locks')
        endpoint, locks = self.succeeds(*under).split('\n', 1)
        self.assertEqual(endpoint, lab.endpoint)
        self.assertIn(' ann', locks)

    def test_mistakes(self):
        self.config.write_text('[lab]\nendpoint = tcp://127.0.0.1:1\n')
        self.fails(f'{self.config} names lab;', '--server', 'lob', 'ls')
        self.config.write_text('[lab]\nendpoint = tcp://127.0.0.1:1\ncolour = red\n')
        self.fails(f"{self.config}:3: ", 'ls')
        self.fails("there is no key 'colour'", '--server', 'lab', 'ls')
        self.fails(f"{self.config}:3: ", 'servers')
        self.fails('/nowhere: ', 'ls', SLUICE_CONFIG='/nowhere')

    def test_a_mistake_is_in_nobodys_way_who_names_an_endpoint(self):
        server = self.server()
        self.config.write_text('nonsense\n')
        self.succeeds('--server', server.endpoint, 'ls')
        self.succeeds('ls', SLUICE_SERVER=server.endpoint)
        self.succeeds('version')
        self.succeeds('--help')

    def test_options_of_a_server_are_heard(self):
        self.config.write_text('default = slow\n[slow]\nendpoint = tcp://127.0.0.1:1\n'
                               'connect_timeout = 0.2\n')
        done = self.run_with('ls')
        self.assertEqual(done.returncode, 8, done)
        self.assertIn('tcp://127.0.0.1:1', done.stderr)


if __name__ == '__main__':
    harness.main()
