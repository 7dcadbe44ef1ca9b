// PosixStorage: what only replay asks for: files written anew from the log, and files moved out of
// the way and back while the tree is made to agree with it. The publisher alone, before anything is
// served.
#include "storage/failure.hpp"
#include "storage/own_names.hpp"
#include "storage/place.hpp"
#include "storage/posix_storage.hpp"
#include "storage/small_put.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::fail;

Result<Entry> PosixStorage::stat_claimed(std::uint64_t number) {
  const Descriptor fd = open_at(root_->claimed.get(), hex_name(number), O_PATH);
  Found found;
  if (fd && look_at(fd.get(), found)) return Entry{found.attributes(), found.info.st_ino};
  if (errno == ENOENT) return fail(Code::unknown_upload);
  return failure({}, "looking at a claimed file");
}

Result<void> PosixStorage::set_aside(const std::string& path, std::uint64_t number) {
  const auto place = find_place(*root_, path);
  if (!place) return tl::make_unexpected(place.error());
  const auto there = look(*place);
  if (!there) return tl::make_unexpected(there.error());
  if (!*there) return fail(Code::not_found, path);
  if ((*there)->is_directory()) return fail(Code::is_directory, path);
  if (!rename_at(place->directory, place->name, root_->claimed.get(), hex_name(number)))
    return failure(path, "setting it aside");
  return {};
}

Result<void> PosixStorage::put_back(std::uint64_t number, const std::string& path) {
  const auto place = find_place(*root_, path);
  if (!place) return tl::make_unexpected(place.error());
  if (const auto claimed = stat_claimed(number); !claimed)
    return tl::make_unexpected(claimed.error());
  const auto replaced = move_into_place(root_->claimed.get(), hex_name(number), *place);
  if (!replaced) return tl::make_unexpected(replaced.error());
  return {};
}

Result<void> PosixStorage::restore(const std::string& path, std::span<const char> bytes,
                                   const FileStamp& stamp, const Preserve& preserve) {
  const auto place = find_place(*root_, path);
  if (!place) return tl::make_unexpected(place.error());
  const int claimed = root_->claimed.get();
  const std::string anew = anew_name(stamp.version);
  if (auto written = write_new(claimed, anew, bytes, stamp, preserve); !written) return written;
  const auto replaced = move_into_place(claimed, anew, *place);
  if (replaced) return {};
  unlink_at(claimed, anew);
  return tl::make_unexpected(replaced.error());
}

}  // namespace sluice::storage
