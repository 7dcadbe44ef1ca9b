// Opening a root: see root.hpp.
#include "storage/root.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>

#include <system_error>

#include "protocol/digest.hpp"
#include "protocol/path.hpp"
#include "storage/directory.hpp"
#include "storage/own_names.hpp"
#include "storage/trash.hpp"

namespace sluice::storage {
namespace {

using protocol::Code;
using protocol::Result;

constexpr std::size_t identity_digits = 32;

tl::unexpected<protocol::Error> unusable(const Root& root, std::string_view what,
                                         int error = errno) {
  return protocol::fail(Code::root_unusable, root.path,
                        fmt::format("{}: {}", what, std::generic_category().message(error)));
}

std::string own_path(const Root& root, std::string_view name) {
  return fmt::format("{}/{}/{}", root.path, protocol::own_directory, name);
}

struct OwnDirectory {
  const char* name;
  Descriptor Root::*member;
};

constexpr OwnDirectory own_directories[] = {
    {"staging", &Root::staging}, {"claimed", &Root::claimed},
    {"spare", &Root::spare},     {"snapshots", &Root::snapshots},
    {"digests", &Root::digests}, {"trash", &Root::trash},
    {"log", &Root::log},         {"locks", &Root::locks},
};

Result<void> open_tree(Root& root, Role role) {
  root.tree = Descriptor(
      uninterrupted([&] { return ::open(root.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!root.tree) return unusable(root, "cannot open the directory");
  const std::string own(protocol::own_directory);
  if (role == Role::server && ::mkdirat(root.tree.get(), own.c_str(), 0700) != 0 && errno != EEXIST)
    return unusable(root, "cannot make the directory '.sluice' in it");
  root.own = open_at(root.tree.get(), own, O_RDONLY | O_DIRECTORY);
  if (!root.own && errno == ENOENT)
    return protocol::fail(Code::root_unusable, root.path,
                          "it has no '.sluice': no sluiced has served it yet");
  if (!root.own) return unusable(root, "cannot open '.sluice' in it");
  return {};
}

Result<void> take_lock(Root& root) {
  root.lock = open_at(root.own.get(), "lock", O_RDWR | O_CREAT, 0600);
  if (!root.lock) return unusable(root, "cannot open " + own_path(root, "lock"));
  if (uninterrupted([&] { return ::flock(root.lock.get(), LOCK_EX | LOCK_NB); }) == 0) return {};
  if (errno == EWOULDBLOCK) return protocol::fail(Code::root_served, root.path);
  return unusable(root, "cannot lock " + own_path(root, "lock"));
}

Result<void> open_own_directories(Root& root, Role role) {
  struct stat tree;
  if (::fstat(root.tree.get(), &tree) != 0) return unusable(root, "cannot stat the directory");
  for (const auto& [name, member] : own_directories) {
    if (role == Role::server && ::mkdirat(root.own.get(), name, 0700) != 0 && errno != EEXIST)
      return unusable(root, "cannot make " + own_path(root, name));
    Descriptor& directory = root.*member;
    directory = open_at(root.own.get(), name, O_RDONLY | O_DIRECTORY);
    struct stat info;
    if (!directory || ::fstat(directory.get(), &info) != 0)
      return unusable(root, "cannot open " + own_path(root, name));
    if (info.st_dev != tree.st_dev)
      return protocol::fail(Code::root_unusable, root.path,
                            own_path(root, name) + " lies on another filesystem than the root");
  }
  return {};
}

// Written beside and renamed, so that it is there whole or not at all.
bool write_durably(const Root& root, const std::string& name, const std::string& text) {
  const std::string fresh = name + ".new";
  const Descriptor file = open_at(root.own.get(), fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  return file && write_at(file.get(), text, 0) && ::fsync(file.get()) == 0 &&
         rename_at(root.own.get(), fresh, root.own.get(), name) && ::fsync(root.own.get()) == 0;
}

std::string read_short(int directory, const std::string& name) {
  const Descriptor file = open_at(directory, name, O_RDONLY | O_NONBLOCK);
  char text[128];
  const ssize_t size = file ? read_at(file.get(), text, sizeof text, 0) : -1;
  return {text, size < 0 ? 0 : static_cast<std::size_t>(size)};
}

Result<void> read_identity(Root& root, Role role) {
  root.identity = read_short(root.own.get(), "identity");
  if (root.identity.size() == identity_digits) return {};
  if (role == Role::worker || !root.identity.empty())
    return protocol::fail(Code::root_unusable, root.path,
                          own_path(root, "identity") +
                              " is missing or damaged: was it prepared by sluiced to the end?");
  root.identity = random_hex(identity_digits / 2);
  if (!write_durably(root, "identity", root.identity))
    return unusable(root, "cannot write " + own_path(root, "identity"));
  return {};
}

Result<void> remove_all(const Root& root, int directory, const std::string& what) {
  const auto names = names_in(directory);
  if (!names) return unusable(root, "cannot list " + own_path(root, what));
  for (const std::string& name : *names)
    if (!unlink_with_leaves(root, directory, name))
      return unusable(root, fmt::format("cannot remove {}/{}", own_path(root, what), name));
  return {};
}

// After the machine has been down, a leaf that is recorded as arrived may not have reached the
// disk, nor the bytes of a small file that a snapshot keeps. Uploads and reads that were under way
// then start over; finished uploads lose nothing but their leaves, which are made anew when they
// are published (posix_publish.cpp).
Result<void> forget_what_was_not_synced(Root& root) {
  const Descriptor proc = open_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY);
  char text[64];
  const ssize_t size =
      proc ? uninterrupted([&] { return ::read(proc.get(), text, sizeof text); }) : ssize_t{0};
  const std::string boot(text, size < 0 ? 0 : static_cast<std::size_t>(size));
  root.boot = boot;
  if (!boot.empty() && read_short(root.own.get(), "boot") == boot) return {};
  const auto names = names_in(root.staging.get());
  if (!names) return unusable(root, "cannot list " + own_path(root, "staging"));
  for (const std::string& name : *names)
    if (name.ends_with(leaves_ending) && !unlink_at(root.staging.get(), name))
      return unusable(root, "cannot remove " + own_path(root, "staging/" + name));
  // Replay writes small files anew, but not into the old ones that snapshots are links to. A spare
  // may have its old name in the tree again.
  for (const auto& [directory, name] :
       {std::pair{&root.snapshots, "snapshots"}, {&root.spare, "spare"}})
    if (auto removed = remove_all(root, directory->get(), name); !removed) return removed;
  if (::fsync(root.staging.get()) != 0 || ::fsync(root.snapshots.get()) != 0)
    return unusable(root, "cannot sync " + own_path(root, "staging"));
  // On a full disk the next start does this once more, which does no harm.
  if (!write_durably(root, "boot", boot) && errno != ENOSPC && errno != EDQUOT)
    return unusable(root, "cannot write " + own_path(root, "boot"));
  return {};
}

Result<void> check_worker(const Root& root) {
  const std::string probe = "probe-" + random_hex(8);
  const Descriptor file = open_at(root.own.get(), probe, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!file || !unlink_at(root.own.get(), probe))
    return unusable(root, "cannot write in " + own_path(root, ""));
  return {};
}

}  // namespace

Result<std::shared_ptr<const Root>> prepare_root(const std::string& path, Role role) {
  auto root = std::make_shared<Root>();
  root->path = path;
  const bool server = role == Role::server;
  Result<void> done = open_tree(*root, role);
  if (done && server) done = take_lock(*root);
  if (done) done = open_own_directories(*root, role);
  if (done) done = server ? check_root(*root) : check_worker(*root);
  if (done) done = read_identity(*root, role);
  if (done && server) done = forget_what_was_not_synced(*root);
  if (!done) return tl::make_unexpected(done.error());
  if (server && (::fsync(root->own.get()) != 0 || ::fsync(root->tree.get()) != 0))
    return unusable(*root, "cannot sync the directory");
  return root;
}

std::string hex_name(std::uint64_t number) {
  return fmt::format("{:016x}", number);
}

std::string random_hex(std::size_t bytes) {
  std::string random(bytes, '\0');
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t got = ::getrandom(random.data() + done, bytes - done, 0);
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  return protocol::to_hex(random);
}

}  // namespace sluice::storage
