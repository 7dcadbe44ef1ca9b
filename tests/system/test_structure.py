# The shape of the source: dependencies between rooms point one way, each library has one place,
# what threads share stays in runtime/, files stay short and say at their beginning what they are.
import os
import pathlib
import re
import unittest

SOURCE = pathlib.Path(os.environ.get('SLUICE_SOURCE',
                                     pathlib.Path(__file__).resolve().parent.parent.parent))

# Rooms a room may include from, besides itself.
ALLOWED = {
    'protocol': [],
    'runtime': ['protocol'],
    'storage': ['protocol'],
    'workers': ['storage', 'runtime', 'protocol'],
    'broker': ['workers', 'storage', 'runtime', 'protocol'],
    'client': ['runtime', 'protocol'],
    'bench': ['client', 'runtime', 'protocol'],
}
# Includes that belong to one file alone (and to the test that takes apart what that file writes).
ONE_PLACE = {'zmq.hpp': ['runtime/transport.cpp'],
             'zmq.h': ['bench/chunk_shapes.cpp', 'bench/peers/raw.cpp'],
             'msgpack.hpp': ['protocol/codec.cpp', 'tests/golden/body_parts.cpp']}
SHARING = re.compile(r'\bstd::(recursive_|shared_|timed_)*mutex\b|\bstd::condition_variable|'
                     r'\bstd::(atomic|latch|barrier|counting_semaphore)|\bpthread_')
SHARING_FREE = ('broker', 'workers', 'storage', 'protocol')
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
BAD_NAMES = re.compile(r'(^|[_.-])(util|utils|manager|helper|helpers)([_.-]|$)')
COMMENT = {'.cpp': '//', '.hpp': '//', '.py': '#', '.build': '#', '.sh': '#'}
LINES_MOST, TEST_LINES_MOST, COLUMNS_MOST = 600, 800, 100


def sources(*rooms, endings=('.cpp', '.hpp')):
    for room in rooms:
        for path in sorted((SOURCE / room).rglob('*')):
            if path.suffix in endings and path.is_file():
                yield path, path.relative_to(SOURCE).as_posix()


def includes(path):
    return INCLUDE.findall(path.read_text())


class Structure(unittest.TestCase):

    def none(self, wrong):
        self.assertEqual(wrong, [], '\n' + '\n'.join(wrong))

    def test_dependencies_point_one_way(self):
        wrong = []
        for room, allowed in ALLOWED.items():
            for path, name in sources(room):
                for included in includes(path):
                    target = included.split('/')[0]
                    if target in ALLOWED and target != room and target not in allowed:
                        wrong.append(f'{name} includes {included}')
                    if target == 'tests':
                        wrong.append(f'{name} includes {included}')
        self.none(wrong)

    def test_the_shell_is_built_on_the_public_headers(self):
        wrong = []
        for path, name in sources('client/shell'):
            for included in includes(path):
                if included.split('/')[0] in ALLOWED and not included.startswith('client/shell/'):
                    wrong.append(f'{name} includes {included}')
        self.none(wrong)

    def test_the_client_does_not_know_the_shell(self):
        self.none([f'{name} includes {included}' for path, name in sources('client')
                   if not name.startswith('client/shell/') for included in includes(path)
                   if included.startswith('client/shell')])

    def test_public_headers_need_the_standard_library_alone(self):
        wrong = []
        for path, name in sources('client/include'):
            for included in includes(path):
                if not included.startswith('sluice/') and not re.fullmatch(r'[a-z_]+', included):
                    wrong.append(f'{name} includes {included}')
        self.none(wrong)

    def test_each_library_has_one_place(self):
        self.none([f'{name} includes {included}' for path, name in sources(*ALLOWED, 'tests')
                   for included in includes(path)
                   if included in ONE_PLACE and name not in ONE_PLACE[included]])

    def test_threads_share_nothing_outside_runtime(self):
        wrong = []
        for path, name in sources(*SHARING_FREE):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if SHARING.search(line.split('//')[0]):
                    wrong.append(f'{name}:{number}: {line.strip()}')
        self.none(wrong)

    def test_main_files_are_short(self):
        self.none([name for path, name in sources(*ALLOWED) if path.name == 'main.cpp'
                   and len(path.read_text().splitlines()) >= 100])

    def test_length_of_files_and_lines(self):
        wrong = []
        for path, name in sources(*ALLOWED, 'tests', endings=('.cpp', '.hpp', '.py')):
            lines = path.read_text().splitlines()
            most = TEST_LINES_MOST if name.startswith('tests/') else LINES_MOST
            if len(lines) > most:
                wrong.append(f'{name} has {len(lines)} lines')
            wrong += [f'{name}:{i} has {len(line)} columns' for i, line in enumerate(lines, 1)
                      if len(line) > COLUMNS_MOST]
        self.none(wrong)

    def test_files_begin_with_a_comment(self):
        wrong = []
        for path, name in sources(*ALLOWED, 'tests', endings=('.cpp', '.hpp', '.py')):
            lines = path.read_text().splitlines()
            lines = lines[1:] if lines and lines[0].startswith('#!') else lines
            if not lines or not lines[0].startswith(COMMENT[path.suffix]):
                wrong.append(name)
        self.none(wrong)

    def test_headers_have_a_guard(self):
        self.none([name for path, name in sources(*ALLOWED, 'tests', endings=('.hpp',))
                   if '#pragma once' not in path.read_text() and '#ifndef' not in path.read_text()])

    def test_names(self):
        wrong = []
        for path, name in sources(*ALLOWED, 'tests', endings=('.cpp', '.hpp', '.py')):
            if BAD_NAMES.search(path.name):
                wrong.append(f'{name}: a name that says nothing')
            if not re.fullmatch(r'[a-z0-9_]+\.[a-z]+', path.name):
                wrong.append(f'{name}: not in snake_case')
        self.none(wrong)

    def test_this_test_sees_what_it_looks_for(self):
        self.assertGreater(len(list(sources(*ALLOWED))), 100)
        self.assertEqual(INCLUDE.findall('#include "a/b.hpp"\n  # include <zmq.hpp>'),
                         ['a/b.hpp', 'zmq.hpp'])
        self.assertTrue(SHARING.search('  std::mutex mutex_;'))
        self.assertTrue(SHARING.search('std::atomic<int> count;'))
        self.assertTrue(BAD_NAMES.search('string_util.cpp') and not BAD_NAMES.search('utility.cpp'))


if __name__ == '__main__':
    unittest.main(verbosity=2)
