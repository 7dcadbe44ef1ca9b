// recorded_disk DIRECTORY MIB: a disk with a volatile write cache, as the file DIRECTORY/disk,
// which a loop device makes a block device of. It remembers what was written since the last flush;
// when the power is cut, chance decides which of that is on the disk. Lines on standard input, each
// answered by a line on standard output; the end of input ends the disk:
//   cut SEED WRITES   as soon as so many writes are not flushed (at the latest after some seconds)
//                     everything stands still, and what of them survives is drawn
//   off               what waits and what comes fails, so that what uses the disk can be taken away
//   on                the disk has what survived, and takes writes again
// Two threads: FUSE's own and the one that reads the commands. Run by tests/system/power_loss.py.
#define FUSE_USE_VERSION 31
#include <fuse3/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t sector_bytes = 512;
constexpr const char* path = "/disk";
constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
constexpr std::chrono::seconds longest_wait{3};

// Not a vector: what was never written takes no memory.
struct Free {
  void operator()(char* bytes) const { std::free(bytes); }
};
using Content = std::unique_ptr<char[], Free>;

Content zeros(std::size_t size) {
  Content content(static_cast<char*>(std::calloc(size, 1)));
  if (!content) throw std::bad_alloc();
  return content;
}

enum class Power : std::uint8_t { on, cut, off };

/// What a cut has made of the writes that were not flushed.
struct Losses {
  std::size_t writes = 0;
  std::size_t kept = 0;
  std::size_t torn = 0;
};

class Disk {
 public:
  explicit Disk(std::size_t size) : size_(size), now_(zeros(size)), flushed_(zeros(size)) {}

  std::size_t size() const { return size_; }

  // Bytes moved, or an error as FUSE wants it.
  int read(char* buffer, std::size_t size, std::size_t offset) {
    std::unique_lock lock(mutex_);
    if (!has_power(lock)) return -EIO;
    size = std::min(size, size_ - std::min(offset, size_));
    std::memcpy(buffer, now_.get() + offset, size);
    return static_cast<int>(size);
  }
  int write(const char* bytes, std::size_t size, std::size_t offset) {
    std::unique_lock lock(mutex_);
    if (!has_power(lock)) return -EIO;
    if (offset > size_ || size > size_ - offset) return -ENOSPC;
    std::memcpy(now_.get() + offset, bytes, size);
    writes_.push_back({offset, {bytes, bytes + size}});
    if (writes_.size() >= cut_at_) stop();
    return has_power(lock) ? static_cast<int>(size) : -EIO;
  }
  int flush() {
    std::unique_lock lock(mutex_);
    if (!has_power(lock)) return -EIO;
    for (const Write& write : writes_) copy(now_, flushed_, write.offset, write.bytes.size());
    writes_.clear();
    return 0;
  }

  Losses cut(std::uint64_t seed, std::size_t writes) {
    std::unique_lock lock(mutex_);
    cut_at_ = writes;
    power_changed_.wait_for(lock, longest_wait, [this] { return power_ == Power::cut; });
    stop();
    // From a cache that has written nothing yet to one that had all but the order.
    constexpr std::array<unsigned, 5> shares = {0, 10, 50, 90, 100};
    std::mt19937_64 random(seed);
    const unsigned share = shares.at(random() % shares.size());
    for (const Write& write : writes_) copy(flushed_, now_, write.offset, write.bytes.size());
    Losses losses{.writes = writes_.size()};
    // In their order: of two writes to one sector the older never comes over the newer.
    for (const Write& write : writes_) {
      if (random() % 100 >= share) continue;
      const bool torn = random() % 4 == 0 && write.bytes.size() > sector_bytes;
      keep(write, torn, random);
      ++(torn ? losses.torn : losses.kept);
    }
    writes_.clear();
    return losses;
  }
  void turn(Power power) {
    const std::lock_guard lock(mutex_);
    power_ = power;
    power_changed_.notify_all();
  }

 private:
  struct Write {
    std::size_t offset;
    std::vector<char> bytes;
  };

  bool has_power(std::unique_lock<std::mutex>& lock) {
    power_changed_.wait(lock, [this] { return power_ != Power::cut; });
    return power_ == Power::on;
  }
  /// A flush that waits now must never say that it was done, so nothing is answered until `off`.
  void stop() {
    power_ = Power::cut;
    cut_at_ = never;
    power_changed_.notify_all();
  }
  static void copy(const Content& from, const Content& to, std::size_t offset, std::size_t size) {
    std::memcpy(to.get() + offset, from.get() + offset, size);
  }
  /// A torn write is half the time cut off behind some sector, else any of its sectors are there.
  void keep(const Write& write, bool torn, std::mt19937_64& random) {
    const std::size_t sectors = (write.bytes.size() + sector_bytes - 1) / sector_bytes;
    const bool cut_off = random() % 2 == 0;
    const std::size_t end = torn && cut_off ? 1 + random() % (sectors - 1) : sectors;
    for (std::size_t i = 0; i < end; ++i) {
      if (torn && !cut_off && random() % 2 == 0) continue;
      const std::size_t at = i * sector_bytes;
      const std::size_t size = std::min(sector_bytes, write.bytes.size() - at);
      for (char* content : {now_.get(), flushed_.get()})
        std::memcpy(content + write.offset + at, write.bytes.data() + at, size);
    }
  }

  std::mutex mutex_;
  std::condition_variable power_changed_;
  Power power_ = Power::on;
  std::size_t cut_at_ = never;
  const std::size_t size_;
  const Content now_;
  const Content flushed_;
  std::vector<Write> writes_;
};

Disk& disk() {
  return *static_cast<Disk*>(fuse_get_context()->private_data);
}

int get_attributes(const char* name, struct stat* info, fuse_file_info*) {
  *info = {};
  const bool is_disk = std::strcmp(name, path) == 0;
  if (!is_disk && std::strcmp(name, "/") != 0) return -ENOENT;
  info->st_mode = is_disk ? S_IFREG | 0600 : S_IFDIR | 0700;
  info->st_nlink = is_disk ? 1 : 2;
  info->st_size = is_disk ? static_cast<off_t>(disk().size()) : 0;
  return 0;
}

// Nothing may stay in the kernel's own cache: it would outlive the cut.
int open(const char*, fuse_file_info* file) {
  file->direct_io = 1;
  return 0;
}

fuse_operations operations() {
  fuse_operations table = {};
  table.getattr = get_attributes;
  table.open = open;
  table.read = [](const char*, char* buffer, std::size_t size, off_t offset, fuse_file_info*) {
    return disk().read(buffer, size, static_cast<std::size_t>(offset));
  };
  table.write = [](const char*, const char* bytes, std::size_t size, off_t offset,
                   fuse_file_info*) {
    return disk().write(bytes, size, static_cast<std::size_t>(offset));
  };
  table.fsync = [](const char*, int, fuse_file_info*) { return disk().flush(); };
  return table;
}

std::string answer(Disk& disk, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  std::uint64_t seed = 0;
  std::size_t writes = 0;
  words >> command >> seed >> writes;
  if (command == "cut") {
    const Losses losses = disk.cut(seed, writes);
    return "cut " + std::to_string(losses.writes) + " " + std::to_string(losses.kept) + " " +
           std::to_string(losses.torn);
  }
  if (command != "off" && command != "on") return "unknown command";
  disk.turn(command == "on" ? Power::on : Power::off);
  return command;
}

void obey(Disk& disk) {
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);)
    std::cout << answer(disk, line) << std::endl;
  // Whatever still uses the disk gets errors from here on, and the mount goes with its namespace.
  disk.turn(Power::off);
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  // The file system on this disk must not be mounted where this process lives: the end of the
  // process would wait for the end of the mount, which waits for this process to write.
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    std::perror("recorded_disk: no mount namespace of its own");
    return 1;
  }
  Disk disk(std::stoull(argv[2]) << 20);
  const fuse_operations table = operations();
  char* arguments[] = {argv[0], nullptr};
  fuse_args args = FUSE_ARGS_INIT(1, arguments);
  fuse* filesystem = fuse_new(&args, &table, sizeof table, &disk);
  if (filesystem == nullptr || fuse_mount(filesystem, argv[1]) != 0) return 1;
  std::thread commands([&] { obey(disk); });
  fuse_loop(filesystem);
  // Only when somebody has unmounted it: the thread of commands still waits.
  _exit(1);
}
