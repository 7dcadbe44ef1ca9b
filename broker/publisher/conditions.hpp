// Whether a commit may be made, and what is then logged: conditions, existence and kinds, checked
// against the tree as it is after the commits before it. No changes here. Used by the publisher's
// thread. Read on: tree_view.hpp, apply.hpp.
#pragma once

#include <cstdint>
#include <string>

#include "broker/publisher/commit_log.hpp"
#include "broker/publisher/tree_view.hpp"
#include "protocol/messages/commits.hpp"

namespace sluice::broker::publisher {

/// A commit that may be made. `record` lacks the session and request id; for a large put the inode
/// too.
struct Plan {
  LogRecord record;
  /// It moves or removes a directory, or makes one where one was removed: only as the first change
  /// of a log.
  bool needs_empty_log = false;
  /// put: there is a file at the path.
  bool replaces = false;
};

/// Fails with what the commit is to be answered. `removed_directory`: the one whose removal is in
/// the log.
Result<Plan> plan(const protocol::Commit& commit, std::uint64_t number, TreeView& view,
                  const std::string& removed_directory);

/// For the removal of a directory that must be empty, when no other change is pending: fails with
/// `not_empty`.
Result<void> check_empty(const LogRecord& record, TreeView& view);

/// What the commit makes of the tree, for those after it.
void foresee(const LogRecord& record, TreeView& view);

}  // namespace sluice::broker::publisher
