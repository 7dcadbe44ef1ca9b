// What a root must be able to do, found out by doing it in a directory of the server's own: better
// a clear sentence at the start than an error in the middle of the first upload. Called once, with
// the lock held.
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/xattr.h>

#include <cstdio>
#include <cstring>
#include <system_error>

#include "protocol/path.hpp"
#include "storage/attributes.hpp"
#include "storage/directory.hpp"
#include "storage/root.hpp"

namespace sluice::storage {
namespace {

using protocol::Code;
using protocol::Result;

constexpr const char* check_name = "check";

struct Probe {
  const Root& root;
  Descriptor directory;
  Descriptor file;

  bool open_paths() {
    const std::string path = std::string(protocol::own_directory) + "/" + check_name;
    return bool(open_beneath(root.tree.get(), path, O_PATH | O_DIRECTORY));
  }
  bool write() {
    file = open_at(directory.get(), "file", O_RDWR | O_CREAT | O_EXCL, 0600);
    return file && write_at(file.get(), std::string_view("sluice"), 0);
  }
  bool sync() { return ::fsync(file.get()) == 0 && ::fsync(directory.get()) == 0; }
  bool attributes() {
    const FileStamp stamp{1, 6, {}};
    if (!write_stamp(file.get(), stamp)) return false;
    const Descriptor by_path = open_at(directory.get(), "file", O_PATH);
    const StampFound found = read_stamp(by_path.get(), true);
    if (!found.stamp) errno = ENODATA;
    return found.stamp.has_value();
  }
  bool link() { return link_descriptor(file.get(), directory.get(), "link"); }
  // The name taken must be refused, and a free one must not.
  bool rename() {
    const int at = directory.get();
    if (rename_at(at, "file", at, "link", RENAME_NOREPLACE)) errno = ENOTSUP;
    return errno == EEXIST && rename_at(at, "file", at, "renamed", RENAME_NOREPLACE);
  }
  bool read_directory() { return names_in(directory.get()).has_value(); }
};

void clear(const Root& root, int directory) {
  for (const char* name : {"file", "link", "renamed"}) unlink_at(directory, name);
  ::unlinkat(root.own.get(), check_name, AT_REMOVEDIR);
}

}  // namespace

Result<void> check_root(const Root& root) {
  const std::string path = fmt::format("{}/{}/{}", root.path, protocol::own_directory, check_name);
  auto unusable = [&](std::string_view what) {
    const int error = errno;
    return protocol::fail(
        Code::root_unusable, root.path,
        fmt::format("{} in {}: {}", what, path, std::generic_category().message(error)));
  };
  Probe probe{root, {}, {}};
  // A server that was killed in its check leaves the directory behind.
  if (const Descriptor old = open_at(root.own.get(), check_name, O_RDONLY | O_DIRECTORY))
    clear(root, old.get());
  if (::mkdirat(root.own.get(), check_name, 0700) != 0) {
    if (errno == ENOSPC || errno == EDQUOT) return {};
    return unusable("cannot make a directory");
  }
  probe.directory = open_at(root.own.get(), check_name, O_RDONLY | O_DIRECTORY);
  if (!probe.directory) return unusable("cannot open a directory");

  struct Step {
    const char* what;
    bool (Probe::*run)();
  };
  constexpr Step steps[] = {
      {"openat2 does not work (Linux 5.6 or later is needed)", &Probe::open_paths},
      {"cannot write a file", &Probe::write},
      {"cannot sync a file", &Probe::sync},
      {"user extended attributes do not work", &Probe::attributes},
      {"hard links do not work", &Probe::link},
      {"renameat2 does not work", &Probe::rename},
      {"cannot read a directory", &Probe::read_directory},
  };
  for (const auto& [what, run] : steps) {
    if ((probe.*run)()) continue;
    // A full disk is no reason to refuse: what is there can be read, and removed to make room.
    if (errno == ENOSPC || errno == EDQUOT) break;
    auto failed = unusable(what);
    clear(root, probe.directory.get());
    return failed;
  }
  clear(root, probe.directory.get());
  return {};
}

}  // namespace sluice::storage
