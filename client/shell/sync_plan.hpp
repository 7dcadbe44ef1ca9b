// What a sync has to do in one directory: what is to be there beside what is there. Pure functions.
// Read on: sync.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/types.hpp"

namespace sluice::shell {

/// A file or directory on either side.
struct SyncEntry {
  std::string name;
  Kind kind = Kind::file;
  std::uint64_t size_bytes = 0;
  std::uint32_t mode = 0;
  std::int64_t mtime_ns = 0;
  /// Root digest in hex; empty where it has to be found out, or is not known.
  std::string digest = {};
};

/// What is on both sides under one name.
struct SyncPair {
  SyncEntry source;
  SyncEntry target;
};

struct SyncRules {
  /// Neither size nor time is proof: files of one size are compared by their digests.
  bool checksum = false;
  /// What the target keeps of a file's mode.
  std::uint32_t file_mode_bits = 07777;
};

struct SyncPlan {
  /// Not there, or of another size.
  std::vector<SyncEntry> files;
  /// May be the same bytes: their digests tell.
  std::vector<SyncPair> doubtful;
  /// The same bytes under another mode.
  std::vector<SyncPair> attributes;
  std::vector<SyncEntry> new_directories;
  std::vector<SyncPair> directories;
  /// A file where a directory belongs, or the like.
  std::vector<SyncPair> in_the_way;
  /// Neither file nor directory: of no side anybody's business.
  std::vector<std::string> skipped;
  /// On the target alone.
  std::vector<SyncEntry> surplus;
  std::uint64_t unchanged = 0;
};

enum class FileWork { move, compare, set_attributes, nothing };
/// What is to be done with a file that is on both sides. After a comparison that found the same
/// bytes: `after_comparison`.
FileWork work_of(const SyncPair& file, const SyncRules& rules, bool after_comparison = false);

/// Both lists are sorted by name.
SyncPlan plan_of(std::vector<SyncEntry> source, std::vector<SyncEntry> target,
                 const SyncRules& rules);

}  // namespace sluice::shell
