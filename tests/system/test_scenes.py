# Every scenario of tests/system/scenes as a test of its own: several named clients, each line an
# action and the expected answer. `test_scenes.py -k WORD` plays some of them.
import re

from harness import SystemTest, main
from scenes import DIRECTORY, Stage, read_scenes


def play(scenario):
    return lambda test: Stage(test, scenario).play()


for path in sorted(DIRECTORY.glob('*.scene')):
    tests = {'test_' + re.sub(r'\W+', '_', name): play(scenario)
             for name, scenario in read_scenes(path).items()}
    theme = path.stem.title().replace('_', '')
    globals()[theme] = type(theme, (SystemTest,), {**tests, '__module__': __name__})

if __name__ == '__main__':
    main()
