# Memory that is warm when a measurement wants it. Used by transfers.py for large files.
import mmap
import os
import pathlib
import threading
import time

PIECE_BYTES = 32 << 20
# Above what the kernel keeps back for itself, so that no cached file has to go; what is filled to
# lies lower than what is kept, so that the first pages a measurement takes are warm ones too.
KEPT_FREE_BYTES, FILLED_TO_BYTES = 960 << 20, 720 << 20
LOOK_EVERY_S = 0.005
LIMIT_FILE = pathlib.Path('/sys/fs/cgroup/memory.max')


class Ballast:
    """Holds all memory that is free and lends it piece by piece to whoever takes some.

    A virtual machine gives free memory back to its host, at once or after some seconds, and a new
    page of a file costs ten times as much then: without this whoever comes first after a rest, or
    takes longest, pays for all. A machine that has been up for a while has no such free memory:
    it is full of cached files. Held until the program ends."""

    def __init__(self):
        self.pieces, self.filling = [], threading.Lock()
        # In a container that may not have all memory whoever takes it is killed.
        self.is_limited = (LIMIT_FILE.exists()
                           and LIMIT_FILE.read_text(encoding='ascii').strip() != 'max')
        self.meminfo = open('/proc/meminfo', 'rb', buffering=0)
        self.fill()
        threading.Thread(target=self.lend, daemon=True).start()

    def fill(self):
        """Takes what has become free. To be called when nobody is measured."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
        with self.filling:
            while not self.is_limited and self.free_bytes() > FILLED_TO_BYTES:
                self.pieces.append(mmap.mmap(-1, PIECE_BYTES, flags=flags))

    def lend(self):
        while True:
            time.sleep(LOOK_EVERY_S)
            with self.filling:
                while self.pieces and self.free_bytes() < KEPT_FREE_BYTES:
                    self.pieces.pop().close()

    def free_bytes(self):
        line = os.pread(self.meminfo.fileno(), 256, 0).split(b'MemFree:')[1]
        return int(line.split()[0]) << 10
