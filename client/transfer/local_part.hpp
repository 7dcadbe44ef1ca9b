// What a download has got of a file, under a name that the next try finds: ".NAME.sluice-part.HEX"
// beside the target, of its full size from the beginning, with a mark behind its end that tells the
// version. One process at a time holds it, by flock. Used by the thread of the call. Read on:
// client/transfer/local_target.cpp.
#pragma once

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
  /// Not open: there is none to be had, because another process has it, or because of what else
  /// lies under its name.
  FileHandle file;
  std::string path;
  /// It was there, of this version: some of it may be right.
  bool has_some = false;
  /// It was there, of another version, and is empty now.
  bool was_of_another = false;
};

/// `target` is the path that the file is to get.
LocalPart open_part(const std::string& target, const PartOf& what);

}  // namespace sluice::client
