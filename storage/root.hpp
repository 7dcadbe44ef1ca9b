// A root that was opened: the directory whose tree is served, and the server's own directory in it.
// Immutable once opened, shared by storage and log files, used by any thread. Read on:
// storage/root_check.cpp for what a root must be able to do, docs/architecture.md, "On disk".
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "protocol/errors.hpp"
#include "storage/descriptor.hpp"

namespace sluice::storage {

enum class Role {
  server,  ///< makes what is missing and holds the lock; one at a time
  worker,  ///< joins a root that a server has prepared
};

struct Root {
  /// As it was given; for messages only.
  std::string path;
  std::string identity;
  Descriptor tree;
  Descriptor own;
  Descriptor staging;
  Descriptor claimed;
  Descriptor spare;
  Descriptor snapshots;
  Descriptor digests;
  Descriptor trash;
  Descriptor log;
  Descriptor locks;
  /// The machine's boot, for servers; empty: not known.
  std::string boot;
  /// Holds the flock of a server.
  Descriptor lock;
};

/// Opens the root at `path`, which must exist. Fails with `root_unusable` (the detail says what is
/// wrong where) and `root_served`.
protocol::Result<std::shared_ptr<const Root>> prepare_root(const std::string& path, Role role);

/// Tries in the server's own directory all that the room relies on. Fails with `root_unusable`.
protocol::Result<void> check_root(const Root& root);

/// 16 hex digits: how versions, commit numbers, inodes and generations appear in names.
std::string hex_name(std::uint64_t number);

/// Hex digits of so many bytes from the kernel's random source.
std::string random_hex(std::size_t bytes);

}  // namespace sluice::storage
