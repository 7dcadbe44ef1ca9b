// What leaves the tree but takes time to free: large files and whole directories go to the trash by
// rename, and workers unlink them. The leaves of a file in digests/ go when its last link goes, so
// that a snapshot keeps them. Any thread and process; several may empty one trash.
#pragma once

#include "storage/place.hpp"

namespace sluice::storage {

/// Moves what is at the place to the trash. False: errno.
bool move_to_trash(const Root& root, const Place& place, const Found& found);

/// Gives the file at the place a second name in the trash, so that replacing it frees nothing.
/// False where the system does not allow it (files of other owners): replacing then frees it at
/// once.
bool keep_in_trash(const Root& root, const Place& place, const Found& found);

/// Unlinks a file; with its last link its leaves go too. True as well if there is no such name.
/// False: errno.
bool unlink_with_leaves(const Root& root, int directory, const std::string& name);

/// What `Storage::empty_trash` does.
Result<bool> unlink_some_trash(const Root& root);

}  // namespace sluice::storage
