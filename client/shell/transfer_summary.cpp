// What a put or get has done: see transfer_summary.hpp.
#include "client/shell/transfer_summary.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "client/shell/format.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {

std::int64_t mtime_ns_of(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

timespec timespec_of(std::int64_t mtime_ns) {
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  std::int64_t rest_ns = mtime_ns % ns_per_s;
  if (rest_ns < 0) rest_ns += ns_per_s;
  return {(mtime_ns - rest_ns) / ns_per_s, rest_ns};
}

void TransferSummary::file(const std::string& path, std::uint64_t version,
                           std::uint64_t size_bytes) {
  const std::lock_guard lock(mutex_);
  ++files_;
  bytes_ += size_bytes;
  if (keeps_names_) named_.push_back({path, version});
}

void TransferSummary::directory() {
  const std::lock_guard lock(mutex_);
  ++directories_;
}

void TransferSummary::kept(std::size_t files) {
  const std::lock_guard lock(mutex_);
  kept_ += files;
}

std::uint64_t TransferSummary::files() const {
  const std::lock_guard lock(mutex_);
  return files_;
}

std::uint64_t TransferSummary::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void TransferSummary::print(Invocation& run, bool recursive) const {
  const std::lock_guard lock(mutex_);
  const auto elapsed = run.progress().elapsed();
  run.progress().end();
  if (run.json() && recursive) {
    JsonObject totals;
    totals.add("files", files_)
        .add("directories", directories_)
        .add("bytes", bytes_)
        .add("kept", kept_);
    run.out().print(add_traffic(totals, run).add("elapsed_ms", elapsed.count()).text() + "\n");
    return;
  }
  // What went over the wire for one of several, nobody knows.
  if (named_.size() == 1) return print_transfer(run, named_[0].path, named_[0].version);
  for (const File& file : named_) print_change(run, file.path, file.version);
  if (!recursive || run.progress().is_quiet() || (kept_ == 0 && ::isatty(STDERR_FILENO) != 1))
    return;
  std::string line = fmt::format("{} file{}, {} in {}", files_, files_ == 1 ? "" : "s",
                                 size_text(bytes_), duration_text(elapsed));
  if (kept_ > 0) line += fmt::format("; {} there already and kept (-n)", kept_);
  std::fprintf(stderr, "sluice: %s\n", line.c_str());
}

}  // namespace sluice::shell
