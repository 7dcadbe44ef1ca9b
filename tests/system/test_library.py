# The library as others get it: installed into a prefix of its own, found by pkg-config, built
# against with the flags of this build (sanitizers too), run against a real server. What it shows to
# the linker and to the compiler; the README's example and the snippets of docs/library.md.
import json
import os
import re
import subprocess
import unittest

from harness import BUILD, SLOWNESS, SOURCE, SystemTest, main

HEADERS = ('async', 'client', 'error', 'lock', 'types', 'watcher')


def build_options():
    shown = subprocess.run(['meson', 'introspect', '--buildoptions', str(BUILD)], check=True,
                           capture_output=True, text=True).stdout
    return {option['name']: option['value'] for option in json.loads(shown)}


def code_blocks(document):
    return re.findall(r'^```cpp\n(.*?)^```$', (SOURCE / document).read_text(),
                      re.MULTILINE | re.DOTALL)


class Installed(SystemTest):

    def setUp(self):
        super().setUp()
        self.options = build_options()
        self.installed = self.directory / 'installed'
        self.run_ok('meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir',
                    self.installed)
        prefix = self.installed / self.options['prefix'].lstrip('/')
        self.include = prefix / self.options['includedir']
        self.libraries = prefix / self.options['libdir']
        self.env = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=str(self.installed),
                        PKG_CONFIG_PATH=str(self.libraries / 'pkgconfig'),
                        LD_LIBRARY_PATH=str(self.libraries))

    def run_ok(self, *command, **options):
        """Runs a program that has to succeed; gives its standard output."""
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              timeout=120 * SLOWNESS, check=False, **options)
        said = done.stdout[-2000:] + done.stderr[-4000:]
        self.assertEqual(done.returncode, 0, f'{command}: {said}')
        return done.stdout

    def compiler(self, *arguments):
        flags = self.run_ok('pkg-config', '--cflags', 'sluice', env=self.env).split()
        return self.run_ok('g++', '-std=c++20', '-Wall', '-Wextra', '-Werror', *flags, *arguments,
                           env=self.env)

    def build_examples(self):
        """As a project of its own, outside the tree; gives its build directory."""
        built = self.directory / 'examples'
        self.run_ok('meson', 'setup', built, SOURCE / 'examples', '-Dbuildtype=debug',
                    f'-Db_sanitize={self.options["b_sanitize"]}', '-Db_lundef=false', env=self.env)
        self.run_ok('ninja', '-C', built, env=self.env)
        return built

    def test_examples_against_a_real_server(self):
        self.server(listen=('tcp',), threads=2)
        built = self.build_examples()
        done = self.spawn(built / 'threads', self.main.endpoint, env=self.env).output(60)
        self.assertEqual((done.status, done.err), (0, ''))
        self.assertEqual(self.cat('count'), '160')
        self.assertEqual(self.json('locks'), [])
        [version] = [entry['version'] for entry in self.json('stat', 'count')]
        done = self.spawn(built / 'watch', self.main.endpoint, '', '0', version - 1,
                          env=self.env).output(60)
        self.assertEqual((done.status, done.err), (0, ''))
        self.assertIn(f'{version} count\n', done.out)
        self.assertRegex(done.out, r'go on with version \d+\n\Z')
        nowhere = self.spawn(built / 'threads', 'ipc:///nowhere/at.all', env=self.env).output(60)
        self.assertEqual(nowhere.status, 1)
        self.assertIn('does not answer', nowhere.err)

        # The first one, by the line in its README, with the endpoint of this server.
        source = self.directory / 'first.cpp'
        text = (SOURCE / 'examples' / 'first.cpp').read_text()
        source.write_text(text.replace('tcp://127.0.0.1:5970', self.main.endpoint))
        flags = self.run_ok('pkg-config', '--cflags', '--libs', 'sluice', env=self.env).split()
        sanitize = self.options['b_sanitize']
        flags += [] if sanitize == 'none' else [f'-fsanitize={sanitize}']
        first = self.directory / 'first'
        self.run_ok('g++', '-std=c++20', source, '-o', first, *flags, env=self.env)
        done = self.spawn(first, env=self.env).output(30)
        self.assertEqual((done.status, done.err), (0, ''))
        self.assertEqual(self.cat('results'), '42\n')

    def test_what_the_linker_sees(self):
        name = f'libsluice.so.{self.version()}'
        self.assertEqual(os.readlink(self.libraries / 'libsluice.so'), 'libsluice.so.0')
        self.assertEqual(os.readlink(self.libraries / 'libsluice.so.0'), name)
        dynamic = self.run_ok('readelf', '-d', self.libraries / name)
        self.assertIn('Library soname: [libsluice.so.0]', dynamic)
        symbols = self.run_ok('nm', '-D', '-C', '--defined-only', self.libraries / name)
        names = [line.split(None, 2)[2] for line in symbols.splitlines()]
        foreign = [name for name in names
                   if not re.match(r'(typeinfo (name )?for |vtable for )?sluice::[A-Za-z]+', name)
                   and not name.startswith('SLUICE_0')]
        self.assertEqual(foreign, [])
        self.assertEqual([name for name in names if 'sluice::client::' in name.split('(')[0]], [])
        self.assertTrue(any(name.startswith('sluice::AsyncClient::stat') for name in names))
        self.assertEqual(self.run_ok('pkg-config', '--modversion', 'sluice', env=self.env).strip(),
                         self.version())

    def test_what_the_compiler_sees(self):
        self.assertEqual({path.stem for path in (self.include / 'sluice').iterdir()}, set(HEADERS))
        for header in HEADERS:
            source = self.directory / f'{header}.cpp'
            source.write_text(f'#include <sluice/{header}.hpp>\n')
            needed = self.compiler('-M', source).replace('\\\n', ' ').split()[1:]
            self.assertTrue(any(path.endswith(f'sluice/{header}.hpp') for path in needed))
            self.assertEqual([path for path in needed if re.search('zmq|msgpack|expected', path)],
                             [])
            self.compiler('-fsyntax-only', source)

    def test_documents_compile(self):
        blocks = code_blocks('docs/library.md')
        self.assertGreater(len(blocks), 5)
        source = self.directory / 'snippets.cpp'
        text = ''.join(f'#include <{name}>\n' for name in (
            'sluice/client.hpp', 'fstream', 'iostream', 'thread'))
        text += 'using namespace std::chrono_literals;\n'
        for i, block in enumerate(blocks):
            text += f'[[maybe_unused]] void snippet{i}(sluice::Client& client) {{\n' \
                    f'(void)client;\n{{\n{block}}}\n}}\n'
        source.write_text(text)
        self.compiler('-Wno-unused', '-fsyntax-only', source)

    def version(self):
        shown = self.run_ok('meson', 'introspect', '--projectinfo', BUILD)
        return json.loads(shown)['version']


class Documents(unittest.TestCase):

    def test_the_readme_shows_the_first_example(self):
        self.assertEqual(code_blocks('README.md')[0],
                         (SOURCE / 'examples' / 'first.cpp').read_text())


if __name__ == '__main__':
    main()
