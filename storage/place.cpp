// Finding places: see place.hpp.
#include "storage/place.hpp"

#include "protocol/path.hpp"
#include "storage/failure.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::fail;

Result<Place> find_place(const Root& root, const std::string& path) {
  if (auto ok = protocol::check_entry_path(path); !ok) return tl::make_unexpected(ok.error());
  Place place;
  place.path = path;
  place.name = protocol::name_of(path);
  const std::string parent(protocol::parent_of(path));
  if (parent.empty()) {
    place.directory = root.tree.get();
    return place;
  }
  place.held = open_beneath(root.tree.get(), parent, O_PATH | O_DIRECTORY);
  if (!place.held) return failure(path, "opening the directory above");
  place.directory = place.held.get();
  return place;
}

Result<std::optional<Found>> look(const Place& place) {
  const Descriptor fd = open_at(place.directory, place.name, O_PATH);
  Found found;
  if (fd && look_at(fd.get(), found)) return found;
  if (errno == ENOENT) return std::nullopt;
  return failure(place.path, "looking at it");
}

Result<Descriptor> open_file(const Root& root, const std::string& path, Found& found, bool cached) {
  // O_NONBLOCK: a FIFO that somebody put there must not hold a worker.
  Descriptor file = open_beneath(root.tree.get(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY, cached);
  if (!file || ::fstat(file.get(), &found.info) != 0) return failure(path, "opening it");
  if (found.is_directory()) return fail(Code::is_directory, path);
  if (!found.is_file()) return fail(Code::not_regular, path);
  found.stamp = read_stamp(file.get());
  if (found.stamp.garbled) return fail(Code::damaged, path, "its attributes cannot be read");
  const auto size = static_cast<std::uint64_t>(found.info.st_size);
  if (found.stamp.stamp && found.stamp.stamp->size_bytes != size)
    return fail(Code::damaged, path,
                "it has " + std::to_string(size) + " bytes where " +
                    std::to_string(found.stamp.stamp->size_bytes) + " were stored");
  return file;
}

}  // namespace sluice::storage
