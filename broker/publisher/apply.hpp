// Makes a logged change in the tree. Used by the publisher's thread, after the log was synced.
// Read on: publisher.cpp; replay.hpp makes logged changes in another way.
#pragma once

#include <span>

#include "broker/publisher/commit_log.hpp"
#include "storage/storage.hpp"

namespace sluice::broker::publisher {

/// Tells whether something went to the trash. A failure leaves nothing of the change behind.
protocol::Result<bool> apply(const LogRecord& record, std::span<const char> bytes,
                             storage::Storage& storage);

/// Failures that say what is (not) at a path, and nothing about the disk.
bool is_about_the_tree(protocol::Code code);

/// Whether a change that failed so after it was logged can be taken back by a record: the tree was
/// changed by hand or is full. After anything else nobody knows what the tree holds.
bool can_be_revoked(protocol::Code code);

}  // namespace sluice::broker::publisher
