// PosixStorage: uploads that arrive in chunks, in any order, through any worker. The bytes lie in
// staging/NAME at their offsets, the digests of what has arrived in NAME.leaves. Workers.
// Publishing: posix_publish.cpp.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "protocol/limits.hpp"
#include "storage/disk_room.hpp"
#include "storage/failure.hpp"
#include "storage/leaves.hpp"
#include "storage/own_names.hpp"
#include "storage/place.hpp"
#include "storage/posix_storage.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::fail;
namespace limits = protocol::limits;

namespace {

// Appears under its name with its full size or not at all, so that of two workers that begin one
// upload at once none sees the other's half. Its blocks are taken at once: better to learn now that
// the disk is full than after gigabytes. With `holes` among them nobody knows where: they are only
// counted. True as well if it is there already. False: errno.
bool create_sized(int directory, const std::string& name, std::uint64_t size, std::uint64_t holes) {
  if (!has_room(directory, size - holes)) {
    // It may be the one itself that has taken the room.
    if (::faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
    errno = ENOSPC;
    return false;
  }
  const std::string fresh = name + "." + random_hex(4);
  const Descriptor file = open_at(directory, fresh, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!file) return false;
  const auto length = static_cast<off_t>(size);
  const bool filled =
      size == 0 ||
      (holes == 0 && uninterrupted([&] { return ::fallocate(file.get(), 0, 0, length); }) == 0);
  const bool ok =
      filled || ((holes > 0 || errno == EOPNOTSUPP) && ::ftruncate(file.get(), length) == 0);
  const bool moved = ok && rename_at(directory, fresh, directory, name, RENAME_NOREPLACE);
  const int error = errno;
  if (!moved) unlink_at(directory, fresh);
  errno = error;
  return moved || (ok && error == EEXIST);
}

struct Upload {
  Descriptor leaves;
  std::uint64_t size_bytes = 0;
};

Result<Upload> open_upload(const Root& root, const std::string& name, int leaves_flags) {
  if (auto ok = check_own_name(name); !ok) return tl::make_unexpected(ok.error());
  Upload upload;
  upload.leaves = open_at(root.staging.get(), leaves_name(name), leaves_flags);
  struct stat info;
  if (upload.leaves &&
      ::fstatat(root.staging.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    upload.size_bytes = static_cast<std::uint64_t>(info.st_size);
    return upload;
  }
  if (errno == ENOENT) return fail(Code::unknown_upload);
  return failure({}, "opening an upload");
}

// Never made here: one that is gone was claimed or dropped.
Result<Descriptor> open_data(const Root& root, const std::string& name, int flags) {
  Descriptor data = open_at(root.staging.get(), name, flags);
  if (data) return data;
  if (errno == ENOENT) return fail(Code::unknown_upload);
  return failure({}, "opening an upload");
}

// Whole leaves inside a file of that size, with as many digests.
bool fits(std::uint64_t size, std::uint64_t offset, std::uint64_t length, std::size_t leaves) {
  if (length == 0 || offset % limits::leaf_bytes != 0 || offset > size || length > size - offset)
    return false;
  const bool whole = length % limits::leaf_bytes == 0 || offset + length == size;
  return whole && leaves == leaves_size(length);
}

// Whether all these leaves have arrived before. Fails with `upload_conflict` if one arrived with
// other bytes.
Result<bool> have_arrived(const Upload& upload, std::uint64_t offset, std::string_view leaves) {
  std::string recorded(leaves.size(), '\0');
  if (read_at(upload.leaves.get(), recorded.data(), recorded.size(), leaves_size(offset)) < 0)
    return failure({}, "reading the leaves of an upload");
  if (recorded == leaves) return true;
  for (std::size_t i = 0; i < leaves.size(); i += leaf_digest_bytes) {
    const auto before = std::string_view(recorded).substr(i, leaf_digest_bytes);
    if (before != leaves.substr(i, leaf_digest_bytes) && !is_missing(before))
      return fail(Code::upload_conflict, {}, "other bytes have arrived there before");
  }
  return false;
}

// Whether all leaves have arrived and are those of the file that is meant.
Result<void> check_arrived(const Upload& upload, const Digest& root) {
  protocol::RootDigest arrived;
  LeafReader leaves(upload.leaves.get(), 0, upload.size_bytes);
  for (auto piece = leaves.next(); !piece.empty(); piece = leaves.next()) {
    for (std::size_t i = 0; i < piece.size(); i += leaf_digest_bytes)
      if (is_missing(piece.substr(i, leaf_digest_bytes))) return fail(Code::upload_incomplete);
    arrived.add(piece);
  }
  if (leaves.error() == ENODATA) return fail(Code::upload_incomplete);
  if (leaves.error() != 0) return failure({}, "reading the leaves of an upload", leaves.error());
  if (arrived.digest() != root) return fail(Code::digest_mismatch);
  return {};
}

// A hole, also over bytes of a chunk that did not get as far as its leaves. False: errno.
bool punch(int file, std::uint64_t offset, std::uint64_t length) {
  const int rc = uninterrupted([&] {
    return ::fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(length));
  });
  if (rc == 0 || errno != EOPNOTSUPP) return rc == 0;
  static const std::string zeros(limits::chunk_bytes, '\0');
  for (std::uint64_t done = 0; done < length; done += zeros.size()) {
    const auto part =
        static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), length - done));
    if (!write_at(file, {zeros.data(), part}, offset + done)) return false;
  }
  return true;
}

}  // namespace

Result<void> PosixStorage::begin_upload(const std::string& name, std::uint64_t size_bytes,
                                        std::uint64_t zero_bytes) {
  if (auto ok = check_own_name(name); !ok) return ok;
  if (size_bytes > limits::file_bytes) return fail(Code::too_large);
  const int staging = root_->staging.get();
  const auto create = [&](const std::string& file, std::uint64_t size, std::uint64_t holes) {
    if (create_sized(staging, file, size, holes)) return true;
    if (errno != ENOSPC) return false;
    make_room_for(size - holes);
    return create_sized(staging, file, size, holes);
  };
  struct stat info;
  if (::fstatat(staging, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    // Somebody goes on with it: its time to be kept begins anew.
    ::utimensat(staging, name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  } else if (errno != ENOENT || !create(name, size_bytes, std::min(zero_bytes, size_bytes)) ||
             ::fstatat(staging, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return failure({}, "making room for an upload");
  }
  // Whoever put the data there decided the size, and may not have got to the leaves yet.
  if (static_cast<std::uint64_t>(info.st_size) != size_bytes)
    return fail(Code::upload_conflict, {}, "it was begun with another size");
  if (::faccessat(staging, leaves_name(name).c_str(), F_OK, 0) == 0) return {};
  if (create(leaves_name(name), leaves_size(size_bytes), 0)) return {};
  const int error = errno;
  unlink_at(staging, name);
  return failure({}, "making room for an upload", error);
}

Result<void> PosixStorage::write_upload(const std::string& name, std::uint64_t offset,
                                        std::span<const char> bytes, std::string_view leaves,
                                        bool relaxed) {
  const auto upload = open_upload(*root_, name, O_RDWR);
  if (!upload) return tl::make_unexpected(upload.error());
  if (!fits(upload->size_bytes, offset, bytes.size(), leaves.size()))
    return fail(Code::bad_message, {}, "the chunk is not whole leaves inside the file");
  const auto arrived = have_arrived(*upload, offset, leaves);
  if (!arrived) return tl::make_unexpected(arrived.error());
  if (*arrived) return {};
  const auto data = open_data(*root_, name, O_WRONLY);
  if (!data) return tl::make_unexpected(data.error());
  // Data before leaves: a worker that dies between leaves a chunk that counts as missing.
  if (!write_at(data->get(), bytes, offset) ||
      !write_at(upload->leaves.get(), leaves, leaves_size(offset)))
    return failure({}, "writing an upload");
  // The disk starts now, so that little is left for the sync at the end; what fails here fails
  // there again.
  if (!relaxed)
    ::sync_file_range(data->get(), static_cast<off64_t>(offset), static_cast<off64_t>(bytes.size()),
                      SYNC_FILE_RANGE_WRITE);
  return {};
}

Result<void> PosixStorage::write_zeros(const std::string& name, std::uint64_t offset,
                                       std::uint64_t length) {
  const auto upload = open_upload(*root_, name, O_RDWR);
  if (!upload) return tl::make_unexpected(upload.error());
  if (!fits(upload->size_bytes, offset, length, leaves_size(length)))
    return fail(Code::bad_message, {}, "the zeros are not whole leaves inside the file");
  const std::string leaves = protocol::leaves_of_zeros(length);
  const auto arrived = have_arrived(*upload, offset, leaves);
  if (!arrived) return tl::make_unexpected(arrived.error());
  if (*arrived) return {};
  const auto data = open_data(*root_, name, O_WRONLY);
  if (!data) return tl::make_unexpected(data.error());
  if (!punch(data->get(), offset, length) ||
      !write_at(upload->leaves.get(), leaves, leaves_size(offset)))
    return failure({}, "writing an upload");
  return {};
}

Result<UploadState> PosixStorage::upload_state(const std::string& name, std::uint64_t offset,
                                               std::size_t count) {
  const auto upload = open_upload(*root_, name, O_RDONLY);
  if (!upload) return tl::make_unexpected(upload.error());
  const std::uint64_t begin = std::min(offset, upload->size_bytes);
  const std::uint64_t left = protocol::leaf_count(upload->size_bytes - begin, limits::leaf_bytes);
  UploadState state;
  state.size_bytes = upload->size_bytes;
  state.leaves.resize(std::min<std::uint64_t>(left, count) * leaf_digest_bytes);
  if (read_at(upload->leaves.get(), state.leaves.data(), state.leaves.size(), leaves_size(begin)) <
      0)
    return failure({}, "reading the leaves of an upload");
  state.arrived.reserve(state.leaves.size() / leaf_digest_bytes);
  for (std::size_t i = 0; i < state.leaves.size(); i += leaf_digest_bytes) {
    const auto leaf = std::string_view(state.leaves).substr(i, leaf_digest_bytes);
    state.arrived += is_missing(leaf) ? '\0' : '\1';
  }
  return state;
}

Result<void> PosixStorage::finish_upload(const std::string& name, const Staged& expected,
                                         const Preserve& preserve, bool relaxed) {
  const auto upload = open_upload(*root_, name, O_RDONLY);
  if (!upload) return tl::make_unexpected(upload.error());
  if (expected.size_bytes != upload->size_bytes)
    return fail(Code::digest_mismatch, {}, "the size is not the one the upload was begun with");
  if (auto arrived = check_arrived(*upload, expected.root); !arrived) return arrived;
  // Reading is enough to sync and to set mode and time, and works where the mode is 0444 from the
  // last try.
  const auto data = open_data(*root_, name, O_RDONLY);
  if (!data) return tl::make_unexpected(data.error());
  // Bytes that have changed since they arrived are not given out as what was sent. The disk is
  // still busy with the last of them meanwhile.
  const auto match = cached_bytes_match(data->get(), upload->size_bytes, upload->leaves.get());
  if (!match) return tl::make_unexpected(match.error());
  if (!*match) {
    (void)drop_staged(name);
    return fail(Code::damaged, {}, "bytes of the upload changed after they had arrived");
  }
  // Not fdatasync for the data: mode and time must last as well. The file's name lasts with it, as
  // the filesystems served here write the entry of a new file no later than the file.
  if (!preserve_onto(data->get(), preserve, 0644))
    return failure({}, "setting mode and time of an upload");
  if (relaxed || (::fsync(data->get()) == 0 && ::fdatasync(upload->leaves.get()) == 0)) return {};
  const int error = errno;
  // The kernel tells of bytes it could not write once: a second sync would succeed without them.
  (void)drop_staged(name);
  return failure({}, "syncing an upload, which has to be begun anew", error);
}

}  // namespace sluice::storage
