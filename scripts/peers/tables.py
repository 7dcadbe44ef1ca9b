# Figures of several rounds as tables, and what is said above them. Read on: locks.py, transfers.py.
import os
import pathlib
import statistics
import subprocess
import sys
import time


def figure(values, digits=0):
    """Median (least-most)."""
    return (f'{statistics.median(values):,.{digits}f} '
            f'({min(values):,.{digits}f}-{max(values):,.{digits}f})')


def print_table(heads, rows):
    print('\n| ' + ' | '.join(heads) + ' |\n' + '|---' * len(heads) + '|')
    for row in rows:
        print('| ' + ' | '.join(row) + ' |')


def cpu_cell(results):
    return ' + '.join(f'{statistics.median(r[of_whom] for r in results):.1f}'
                      for of_whom in ('server_cpu_us', 'load_cpu_us'))


def in_turn(places, rounds):
    """All places in each round; another one begins each."""
    for number in range(rounds):
        shift = number * len(places) // rounds
        yield from places[shift:] + places[:shift]
        print(f'round {number + 1} of {rounds}', file=sys.stderr)


def machine(directory, packages):
    mounts = [line.split() for line in pathlib.Path('/proc/mounts').read_text().splitlines()]
    inside = [m for m in mounts if pathlib.Path(m[1]) in [directory, *directory.parents]]
    kind = max(inside, key=lambda mount: len(mount[1]))[2]
    if kind in ('tmpfs', 'ramfs'):
        sys.exit(f'{directory} is in memory ({kind}): give --directory on a disk')
    versions = subprocess.run(['dpkg-query', '-W', '-f', '${Package} ${Version}, ', *packages],
                              capture_output=True, text=True).stdout.rstrip(', ')
    return {'when': time.strftime('%Y-%m-%d %H:%M', time.gmtime()),
            'cpus': len(os.sched_getaffinity(0)), 'kernel': os.uname().release,
            'filesystem': kind, 'versions': versions, 'load_before': os.getloadavg()[0]}


def print_about(about, rounds, each, took_s):
    print(f'{about["when"]} UTC, {about["cpus"]} CPUs, Linux {about["kernel"]}, '
          f'{about["filesystem"]}; {about["versions"]}.\n'
          f'Medians (least-most) of {rounds} rounds of {each}, in turn; {took_s:.0f} s in all; '
          f'load average before: {about["load_before"]:.2f}.')
