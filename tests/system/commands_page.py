# docs/commands.md as data: what it says of every option, JSON object and message, so that tests
# hold the program to it. Read on: test_commands.py, test_messages.py.
import collections
import re

from harness import SOURCE

PAGE = SOURCE / 'docs' / 'commands.md'
GLOBAL = 'Global options'

# `option` is '' for the command without options; `shapes` names JSON objects of the page; a
# message with nothing `typed` is one that a server sends.
Row = collections.namedtuple('Row', 'command option does prints json shapes exits')
Message = collections.namedtuple('Message', 'code exit typed printed')

TYPES = {'string': str, 'integer': int, 'boolean': bool}
OR_ABSENT = ' or absent'


class Page:
    def __init__(self):
        self.sections = self._sections(PAGE.read_text())
        self.rows = {}
        self.synopses = {}
        self.shapes = {}
        self.statuses = set()
        self.messages = []
        for title, lines in self.sections.items():
            self._read(title, lines)

    @staticmethod
    def _sections(text):
        """Lines by title; objects and commands of one name are told apart by the '### '."""
        sections = collections.defaultdict(list)
        title = ''
        for line in text.splitlines():
            if line.startswith('## '):
                title = line[3:]
            elif line.startswith('### '):
                title = line
            else:
                sections[title].append(line)
        return sections

    def _read(self, title, lines):
        synopsis = [line.strip() for line in lines if line.startswith('    ')]
        for head, cells in _tables(lines):
            if head[0] == 'option':
                self._add_row(title, cells)
                if synopsis:
                    self.synopses[title] = synopsis[0]
            elif head == ['key', 'type', 'meaning']:
                shape = self.shapes.setdefault(title.removeprefix('### '), {})
                shape[cells[0].strip('`')] = cells[1]
            elif head == ['exit', 'meaning']:
                self.statuses.add(int(cells[0]))
            elif head[0] == 'code':
                found = dict(zip(head, (cell.strip('`') for cell in cells)))
                self.messages.append(Message(found['code'], int(found['exit']),
                                             found.get('typed', ''), found['printed']))

    def _add_row(self, command, cells):
        option, does, prints, form, exits = cells
        names = re.findall(r'`(-[^`]+)`', option) or ['']
        shapes = re.findall(r'\[`(\w+)`\]\(#', form)
        statuses = {int(number) for number in exits.split()}
        for name in names:
            assert (command, name) not in self.rows, f'twice: {command} {name}'
            self.rows[command, name] = Row(command, name, does, prints, form, shapes, statuses)

    @property
    def commands(self):
        """Of the system's command line."""
        return [name for name, synopsis in self.synopses.items() if synopsis.startswith('sluice ')]

    @property
    def shell_commands(self):
        """Those that only the shell has."""
        return [name for name, synopsis in self.synopses.items() if name not in self.commands]

    def options(self, command):
        return {option for name, option in self.rows if name == command and option}

    def fits(self, value, shape):
        """Nothing, or how a parsed JSON object differs from what the page says of it."""
        wanted = {key: kind.removesuffix(OR_ABSENT) for key, kind in self.shapes[shape].items()
                  if key in value or not kind.endswith(OR_ABSENT)}
        if list(value) != list(wanted):
            return f'{shape} has the keys {list(value)}, documented are {list(wanted)}'
        for key, kind in wanted.items():
            if kind.startswith('array of '):
                problems = [self.fits(item, kind.split()[-1]) for item in value[key]]
                if any(problems):
                    return f'{shape}.{key}: {problems}'
            elif type(value[key]) is not TYPES[kind]:
                return f'{shape}.{key} is no {kind}: {value[key]!r}'
        return None


def _tables(lines):
    """(head, cells) of every row of every table."""
    head = None
    for line in lines:
        if not line.startswith('|'):
            head = None
            continue
        cells = [cell.strip().replace(r'\|', '|') for cell in
                 re.split(r'(?<!\\)\|', line)[1:-1]]
        if head is None:
            head = cells
        elif not set(line) <= set('|-'):
            yield head, cells
