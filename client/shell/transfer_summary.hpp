// What a put or get has done, counted by its threads and told at the end. Read on: upload.cpp,
// download.cpp.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "client/shell/invocation.hpp"

namespace sluice::shell {

/// How many files are under way at once.
inline constexpr std::size_t transfers_at_once = 16;

/// Files of a tree up to this size go many in one message, so many bytes of them at most.
inline constexpr std::uint64_t batched_file_bytes = 64u << 10;
inline constexpr std::uint64_t batch_bytes = 512u << 10;
inline constexpr std::size_t batch_files = 128;

/// Takes out of `files` what goes in batches: the small ones, so many together as one task moves.
/// `size_of` tells how large each is.
template <class File, class SizeOf>
std::vector<std::vector<File>> take_batches(std::vector<File>& files, const SizeOf& size_of) {
  std::vector<std::vector<File>> batches;
  std::uint64_t left_bytes = 0;
  std::erase_if(files, [&](File& file) {
    const std::uint64_t size = size_of(file);
    if (size > batched_file_bytes) return false;
    if (batches.empty() || batches.back().size() == batch_files || size > left_bytes) {
      batches.emplace_back();
      left_bytes = batch_bytes;
    }
    left_bytes -= size;
    batches.back().push_back(std::move(file));
    return true;
  });
  return batches;
}

/// Modification time of a local file, in nanoseconds.
std::int64_t mtime_ns_of(const timespec& time);
timespec timespec_of(std::int64_t mtime_ns);

class TransferSummary {
 public:
  /// `names` of files are kept only if they are to be printed: those of a tree may be many.
  explicit TransferSummary(bool names) : keeps_names_(names) {}

  void file(const std::string& path, std::uint64_t version, std::uint64_t size_bytes);
  void directory();
  /// Files that were there already and were kept.
  void kept(std::size_t files);
  std::uint64_t files() const;
  std::uint64_t bytes() const;

  /// With --json: a tree as one object, single files as one each. Else a line on a terminal, and
  /// elsewhere only if files were kept; nothing if quiet.
  void print(Invocation& run, bool recursive) const;

 private:
  struct File {
    std::string path;
    std::uint64_t version;
  };

  mutable std::mutex mutex_;
  std::uint64_t files_ = 0;
  std::uint64_t directories_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t kept_ = 0;
  const bool keeps_names_;
  std::vector<File> named_;
};

}  // namespace sluice::shell
