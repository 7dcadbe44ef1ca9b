// See cached_files.hpp.
#include "storage/cached_files.hpp"

#include <ctime>
#include <utility>

#include "storage/place.hpp"
#include "storage/whole_file.hpp"

namespace sluice::storage {
namespace {

constexpr std::size_t most_files = 512;
constexpr std::chrono::milliseconds kept_for{1'000};
// Times of change go in steps of some milliseconds on older kernels: one that is so young may stay
// the same over one more change.
constexpr std::int64_t settled_after_ns = 100'000'000;

std::int64_t ns_of(const timespec& time) {
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

bool is_settled(const struct stat& info) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return ns_of(info.st_ctim) < ns_of(now) - settled_after_ns;
}

bool is_unchanged(int fd, const struct stat& before) {
  struct stat info;
  return ::fstat(fd, &info) == 0 && info.st_nlink > 0 && info.st_size == before.st_size &&
         ns_of(info.st_ctim) == ns_of(before.st_ctim);
}

}  // namespace

std::optional<Opened> CachedFiles::read(const std::string& path, std::size_t most_bytes,
                                        std::chrono::milliseconds now) {
  let_go(now);
  if (files_.empty()) since_ = now;
  const auto kept = files_.find(path);
  if (kept == files_.end()) return open(path, most_bytes);
  const File& file = kept->second;
  if (!is_unchanged(file.descriptor.get(), file.found.info)) {
    files_.erase(kept);
    return open(path, most_bytes);
  }
  if (std::cmp_greater(file.found.info.st_size, most_bytes)) return std::nullopt;
  auto opened = read_whole(file.descriptor.get(), file.found, path, true);
  if (!opened) return std::nullopt;
  return std::move(*opened);
}

std::optional<Opened> CachedFiles::open(const std::string& path, std::size_t most_bytes) {
  Found found;
  auto descriptor = open_file(*root_, path, found, true);
  if (!descriptor || std::cmp_greater(found.info.st_size, most_bytes)) return std::nullopt;
  auto opened = read_whole(descriptor->get(), found, path, true);
  if (!opened) return std::nullopt;
  keep(path, std::move(*descriptor), found);
  return std::move(*opened);
}

void CachedFiles::keep(const std::string& path, Descriptor&& descriptor, const Found& found) {
  if (moves_ > 0 || !is_settled(found.info)) return;
  if (files_.size() >= most_files) files_.clear();
  files_.emplace(path, File{std::move(descriptor), found});
}

void CachedFiles::tree_moves(bool ended) {
  if (ended)
    --moves_;
  else
    ++moves_;
  files_.clear();
}

void CachedFiles::let_go(std::chrono::milliseconds now) {
  if (now - since_ >= kept_for) files_.clear();
}

}  // namespace sluice::storage
