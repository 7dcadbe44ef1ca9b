# A disk whose power can be cut, with a file system of the running kernel on it: recorded_disk.cpp
# behind a loop device. All of it lives in namespaces of the test's own, which end with the test
# however it ends: mounts, loop devices and processes with them.
import os
import pathlib
import shutil
import subprocess
import sys
import uuid

from harness import Process, test_program, wait_for

OWN = 'SLUICE_TEST_OWN_NAMESPACES'
UNSHARE = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
MAKE = {'ext4': ['mkfs.ext4', '-q', '-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0'],
        'xfs': ['mkfs.xfs', '-q', '-K']}
BOOT_ID = pathlib.Path('/proc/sys/kernel/random/boot_id')


def missing():
    """Why there can be no such disk here; empty: there can."""
    if os.geteuid() != 0:
        return 'needs root, for mounts and loop devices'
    for device in ('/dev/fuse', '/dev/loop-control'):
        if not os.path.exists(device):
            return f'needs {device}, which is not here'
    for program in ('unshare', 'losetup', *(command[0] for command in MAKE.values())):
        if not shutil.which(program):
            return f'{program} is not installed; scripts/packages does that'
    if not test_program('recorded_disk').exists():
        return 'recorded_disk was not built, for want of libfuse3; scripts/packages installs it'
    if subprocess.run([*UNSHARE, 'true'], capture_output=True, check=False).returncode != 0:
        return 'may not make namespaces of its own here'
    return ''


def enter_namespaces():
    """Starts this program again, as the first process of namespaces of its own."""
    if OWN not in os.environ and not missing():
        os.environ[OWN] = '1'
        os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, *sys.argv])


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f'{command} ended with {done.returncode}: {done.stderr}')
    return done.stdout.strip()


class RecordedDisk:
    """The disk, and the file system on it at `self.mounted`."""

    def __init__(self, directory, filesystem, mib=512):
        self.directory = directory
        self.mounted = directory / 'mounted'
        self.boot_id = directory / 'boot_id'
        for name in ('fuse', 'mounted'):
            (directory / name).mkdir()
        self._new_boot_id()
        run('mount', '--bind', self.boot_id, BOOT_ID)
        self.process = Process([test_program('recorded_disk'), directory / 'fuse', mib], directory,
                               'recorded_disk', stdin=subprocess.PIPE)
        self._answer()
        self._attach()
        run(*MAKE[filesystem], self.loop)
        self._mount()

    def _answer(self):
        line = self.process.popen.stdout.readline().decode().split()
        if not line:
            raise AssertionError('recorded_disk ended: ' + self.process.log_text())
        return line

    def _tell(self, *words):
        self.process.popen.stdin.write(' '.join(map(str, words)).encode() + b'\n')
        self.process.popen.stdin.flush()
        answer = self._answer()
        assert answer[0] == words[0], answer
        return [int(number) for number in answer[1:]]

    def _new_boot_id(self):
        self.boot_id.write_text(f'{uuid.uuid4()}\n')

    def _attach(self):
        # The disk is in the mount namespace of its process, and nowhere else.
        file = f'/proc/{self.process.pid}/root{self.directory}/fuse/disk'
        self.loop = run('losetup', '--find', '--show', '--direct-io=on', file)
        # Takes effect when nobody has it open any more: this process, or the mount.
        self.opened = os.open(self.loop, os.O_RDONLY)
        run('losetup', '--detach', self.loop)

    def _mount(self):
        run('mount', self.loop, self.mounted)
        os.close(self.opened)

    def _unmount(self):
        run('umount', self.mounted)
        attached = pathlib.Path('/sys/block', pathlib.Path(self.loop).name, 'loop')
        wait_for(lambda: not attached.exists(), 20, f'{self.loop} to be detached')

    def cut(self, seed, writes, machine):
        """Cuts the power when so many writes are not flushed, at the latest after some seconds.
        `machine()` kills what runs on the disk, before it can find out. Gives the counts of writes
        that were not flushed, and of those of them that are there whole and in part."""
        losses = self._tell('cut', seed, writes)
        machine()
        self._tell('off')
        return losses

    def boot(self):
        """What comes after a cut, when all that used the disk has ended: the file system replays
        its journal, and the machine is not taken for one that was not switched off."""
        self._unmount()
        self._tell('on')
        self._attach()
        self._mount()
        self._new_boot_id()

    def close(self):
        try:
            run('umount', BOOT_ID)
            if os.path.ismount(self.mounted):
                self._unmount()
        finally:
            self.process.cleanup()
