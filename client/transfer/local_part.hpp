// What a download has got of a file, under a name that the next try finds: ".NAME.sluice-part.HEX"
// beside the target, one for each, with an attribute that tells the version. One process at a time
// holds it, by flock. Used by the thread of the call. Read on: client/transfer/local_target.cpp.
#pragma once

#include <optional>
#include <string>

#include "client/transfer/file_handle.hpp"
#include "protocol/messages/files.hpp"

namespace sluice::client {

/// What is downloaded: a version that has a number and a digest.
struct PartOf {
  std::string remote_path;
  std::uint64_t version = 0;
  std::uint64_t size_bytes = 0;
  protocol::Digest root{};
};

struct LocalPart {
  /// Not open: there is none to be had, because another process has it, because of what else lies
  /// under its name, or because the filesystem has no attributes.
  FileHandle file;
  std::string path;
  /// It was there, of this version: some of it may be right.
  bool has_some = false;
  /// What that takes on the disk.
  std::uint64_t found_bytes = 0;
  /// It was there, of this other version of the same path, and is empty now.
  std::optional<std::uint64_t> former_version;
};

/// `target` is the path that the file is to get.
LocalPart open_part(const std::string& target, const PartOf& what);

/// The target is there, without it: what an earlier try has left, of whatever, is of no use any
/// more. Stays where another process has it.
void remove_part(const std::string& target);

/// What was to be got there does not exist any more: nothing that was begun of it can be gone on
/// with. Of another remote path it stays.
void remove_part_of(const std::string& target, const std::string& remote_path);

/// It is a part no more. Before its mode is set.
void unmark_part(const FileHandle& file);

}  // namespace sluice::client
