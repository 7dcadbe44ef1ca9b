// A library for LD_PRELOAD that takes the place of every call by which a program waits for its
// bytes to be on the disk, and does nothing: the program believes what it writes to be durable, and
// it is not. The canary of test_power_loss.py.
#include <sys/types.h>

extern "C" {

int fsync(int) {
  return 0;
}
int fdatasync(int) {
  return 0;
}
int syncfs(int) {
  return 0;
}
int sync_file_range(int, off64_t, off64_t, unsigned) {
  return 0;
}
}
