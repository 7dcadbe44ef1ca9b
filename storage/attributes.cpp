// Stamps, modes and times: see attributes.hpp.
#include "storage/attributes.hpp"

#include <sys/xattr.h>

#include <cstring>
#include <string_view>

#include "protocol/limits.hpp"

namespace sluice::storage {
namespace {

constexpr char stamp_format = 2;
constexpr char former_format = 1;
constexpr std::size_t checked_bytes = 33;
constexpr std::int64_t ns_per_s = 1'000'000'000;

void put_u64(char* to, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<char>(value >> (56 - 8 * i));
}

std::uint64_t get_u64(const char* from) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(from[i]);
  return value;
}

std::string_view checksum_of(const Digest& digest) {
  return {digest.data(), stamp_bytes - checked_bytes};
}

}  // namespace

std::array<char, stamp_bytes> encode_stamp(const FileStamp& stamp) {
  std::array<char, stamp_bytes> bytes;
  bytes[0] = stamp_format;
  put_u64(&bytes[1], stamp.version);
  put_u64(&bytes[9], stamp.size_bytes);
  std::memcpy(&bytes[17], stamp.root.data(), stamp.root.size());
  const Digest digest = protocol::digest_of({bytes.data(), checked_bytes});
  checksum_of(digest).copy(&bytes[checked_bytes], stamp_bytes - checked_bytes);
  return bytes;
}

std::optional<FileStamp> decode_stamp(std::span<const char> bytes) {
  const bool is_former = bytes.size() == checked_bytes && bytes[0] == former_format;
  if (!is_former && (bytes.size() != stamp_bytes || bytes[0] != stamp_format)) return std::nullopt;
  if (!is_former) {
    const std::string_view kept(&bytes[checked_bytes], stamp_bytes - checked_bytes);
    if (kept != checksum_of(protocol::digest_of(bytes.first(checked_bytes)))) return std::nullopt;
  }
  FileStamp stamp;
  stamp.version = get_u64(&bytes[1]);
  stamp.size_bytes = get_u64(&bytes[9]);
  std::memcpy(stamp.root.data(), &bytes[17], stamp.root.size());
  if (stamp.version == 0) return std::nullopt;
  return stamp;
}

StampFound read_stamp(int fd, bool by_path) {
  std::array<char, stamp_bytes> bytes;
  const ssize_t size =
      by_path ? ::getxattr(descriptor_path(fd).c_str(), stamp_attribute, bytes.data(), bytes.size())
              : ::fgetxattr(fd, stamp_attribute, bytes.data(), bytes.size());
  StampFound found;
  if (size < 0) {
    found.garbled = errno != ENODATA && errno != EACCES && errno != ENOTSUP;
    return found;
  }
  found.stamp = decode_stamp({bytes.data(), static_cast<std::size_t>(size)});
  found.garbled = !found.stamp;
  return found;
}

bool write_stamp(int fd, const FileStamp& stamp) {
  const auto bytes = encode_stamp(stamp);
  auto set = [&] { return ::fsetxattr(fd, stamp_attribute, bytes.data(), bytes.size(), 0) == 0; };
  if (set()) return true;
  struct stat info;
  if (errno != EACCES || ::fstat(fd, &info) != 0) return false;
  // A file of mode 0444 takes no attributes, not even from its owner.
  if (::fchmod(fd, (info.st_mode & 07777) | 0600) != 0) return false;
  const bool ok = set();
  const int error = errno;
  const bool back = ::fchmod(fd, info.st_mode & 07777) == 0;
  if (!ok) errno = error;
  return ok && back;
}

mode_t file_mode(std::uint32_t asked) {
  const mode_t own = ::geteuid() == 0 ? 0 : 0400;
  // Files belong to the server's user: nobody shall run as that by storing one.
  return static_cast<mode_t>(asked & 01777) | own;
}

std::array<timespec, 2> times_of(std::int64_t mtime_ns) {
  std::array<timespec, 2> times{};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = mtime_ns / ns_per_s - (mtime_ns % ns_per_s < 0 ? 1 : 0);
  times[1].tv_nsec = mtime_ns - times[1].tv_sec * ns_per_s;
  return times;
}

bool preserve_onto(int fd, const Preserve& preserve, std::uint32_t default_mode,
                   std::optional<mode_t> mode) {
  const mode_t wanted = file_mode(preserve.mode.value_or(default_mode));
  if (mode != wanted && ::fchmod(fd, wanted) != 0) return false;
  return !preserve.mtime_ns || ::futimens(fd, times_of(*preserve.mtime_ns).data()) == 0;
}

bool Found::is_large() const {
  if (!is_file()) return false;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  return size > protocol::limits::leaf_bytes ||
         (stamp.stamp && stamp.stamp->size_bytes > protocol::limits::leaf_bytes);
}

Attributes Found::attributes() const {
  Attributes attributes;
  attributes.kind = is_file()        ? protocol::EntryKind::file
                    : is_directory() ? protocol::EntryKind::directory
                                     : protocol::EntryKind::other;
  if (is_file()) attributes.size_bytes = static_cast<std::uint64_t>(info.st_size);
  attributes.mode = info.st_mode & 07777;
  attributes.mtime_ns = info.st_mtim.tv_sec * ns_per_s + info.st_mtim.tv_nsec;
  if (is_file() && stamp.stamp) {
    attributes.version = stamp.stamp->version;
    attributes.root = stamp.stamp->root;
  }
  return attributes;
}

bool look_at(int path_fd, Found& found) {
  if (::fstat(path_fd, &found.info) != 0) return false;
  if (found.is_file()) found.stamp = read_stamp(path_fd, true);
  return true;
}

}  // namespace sluice::storage
