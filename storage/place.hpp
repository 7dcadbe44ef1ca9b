// A place in the tree: the directory that holds a name, opened without following links, and the
// name. All changes of the tree go through one, with calls that do not follow the name itself. Any
// thread.
#pragma once

#include <optional>
#include <string>

#include "storage/attributes.hpp"
#include "storage/descriptor.hpp"
#include "storage/root.hpp"

namespace sluice::storage {

struct Place {
  /// Empty where the directory is the root itself, which is always open.
  Descriptor held;
  int directory = -1;
  std::string name;
  /// For errors.
  std::string path;
};

/// Opens the directory above `path`. Fails with `bad_path` (the root itself or one of the server's
/// own names), `not_found`, `not_directory`, `not_regular` (a link in the path).
Result<Place> find_place(const Root& root, const std::string& path);

/// What is at the place; nothing if the name is free.
Result<std::optional<Found>> look(const Place& place);

/// Opens a name for reading, with `found` about what was opened. Fails with `is_directory`,
/// `not_regular`, `damaged` (another size than its stamp says). `cached`: fails, with any error,
/// where the way to it is not in memory. Its attributes lie in its inode, so that they are too, but
/// for one block at most.
Result<Descriptor> open_file(const Root& root, const std::string& path, Found& found,
                             bool cached = false);

}  // namespace sluice::storage
