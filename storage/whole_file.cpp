// See whole_file.hpp.
#include "storage/whole_file.hpp"

#include <memory>

#include "storage/failure.hpp"

namespace sluice::storage {

Result<Payload> read_payload(int fd, std::uint64_t offset, std::size_t size,
                             const std::string& path, bool cached) {
  auto buffer = std::make_shared_for_overwrite<char[]>(size);
  const ssize_t got = cached ? read_cached_at(fd, buffer.get(), size, offset)
                             : read_at(fd, buffer.get(), size, offset);
  if (got < 0) return failure(path, "reading it");
  const char* data = buffer.get();
  return Payload(std::move(buffer), data, static_cast<std::size_t>(got));
}

Result<Opened> read_whole(int fd, const Found& found, const std::string& path, bool cached) {
  Opened opened{found.attributes(), {}, false};
  auto bytes = read_payload(fd, 0, opened.attributes.size_bytes, path, cached);
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
  // Somebody is writing into the file by hand.
  if (found.stamp.stamp && bytes->size() != opened.attributes.size_bytes)
    return protocol::fail(protocol::Code::damaged, path, "it became shorter while it was read");
  opened.attributes.size_bytes = bytes->size();
  opened.bytes = std::move(*bytes);
  return opened;
}

}  // namespace sluice::storage
