// `sluice verify`: whether the files of the server are still what was stored. The server's workers
// read them, several at a time; only what they find is sent. Read on: client/transfer/verify.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>

#include "client/shell/commands/commands.hpp"
#include "client/shell/format.hpp"
#include "client/shell/remote.hpp"
#include "client/shell/task_pool.hpp"
#include "client/shell/transfer_options.hpp"
#include "client/shell/transfer_summary.hpp"

namespace sluice::shell {
namespace {

// A sentence with more of them is not read.
constexpr std::size_t ranges_told = 3;

struct Options {
  TransferOptions transfer;
  std::vector<std::string> paths;
};

class Verify {
 public:
  Verify(const Options& options, Invocation& run)
      : options_(options), run_(run), client_(run.client()), pool_(transfers_at_once) {}

  void add(const std::string& path);
  void run();

 private:
  void walk(const std::string& path);
  void add_directory(const std::string& path);
  void check(const std::string& path, std::uint64_t size_bytes, bool is_named);
  void tell(const std::string& path, const Verification& found, bool is_named);
  void print_summary() const;

  const Options& options_;
  Invocation& run_;
  Client& client_;
  TaskPool pool_;
  std::atomic<std::size_t> walks_left_ = 0;
  std::mutex mutex_;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t without_digest_ = 0;
  std::uint64_t damaged_ = 0;
};

// What is printed behind what is wrong; empty if nobody knows where.
std::string ranges_text(const Verification& found) {
  std::string text;
  for (std::size_t i = 0; i < std::min(found.ranges.size(), ranges_told); ++i) {
    const ByteRange& range = found.ranges[i];
    text += fmt::format("{}{} to {}", i == 0 ? ": bytes " : ", ", range.offset_bytes,
                        range.offset_bytes + range.length_bytes - 1);
  }
  if (found.ranges.size() > ranges_told) text += ", ...";
  return text;
}

std::string finding_json(const std::string& path, const Verification& found) {
  std::vector<std::string> ranges;
  for (const ByteRange& range : found.ranges)
    ranges.push_back(
        JsonObject().add("offset", range.offset_bytes).add("length", range.length_bytes).text());
  const char* state = !found.damage.empty()             ? "damaged"
                      : found.attributes.digest.empty() ? "no_digest"
                                                        : "good";
  return JsonObject()
      .add("path", path)
      .add("state", state)
      .add("version", found.attributes.version)
      .add("size", found.attributes.size_bytes)
      .add("damage", found.damage)
      .add_raw("ranges", json_array(ranges))
      .text();
}

void Verify::add(const std::string& path) {
  try {
    const Attributes attributes = client_.stat(path, run_.call());
    if (attributes.kind != Kind::directory) {
      run_.progress().expect(1, attributes.size_bytes);
      pool_.add([=, this] { check(path, attributes.size_bytes, true); });
    } else if (options_.transfer.recursive) {
      add_directory(path);
    } else {
      throw Error("is_directory", path.empty() ? "." : path, {});
    }
  } catch (const Error& error) {
    run_.report(error);
  }
}

void Verify::run() {
  if (walks_left_ == 0) run_.progress().totals_are_final();
  pool_.run();
  run_.progress().end();
  print_summary();
}

void Verify::add_directory(const std::string& path) {
  ++walks_left_;
  pool_.add([=, this] {
    walk(path);
    if (--walks_left_ == 0) run_.progress().totals_are_final();
  });
}

void Verify::walk(const std::string& path) {
  run_.interruption().check();
  struct File {
    std::string name;
    std::uint64_t size_bytes;
  };
  const auto files = std::make_shared<std::vector<File>>();
  std::uint64_t bytes = 0;
  auto page = [&](const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      if (entry.attributes.kind == Kind::directory) {
        add_directory(joined(path, entry.name));
      } else if (entry.attributes.kind == Kind::file) {
        files->push_back({entry.name, entry.attributes.size_bytes});
        bytes += entry.attributes.size_bytes;
      } else {
        run_.warn(joined(path, entry.name), "skipped a link or special file");
      }
    }
  };
  try {
    client_.list(path, page, {.details = true}, run_.call());
  } catch (const Error& error) {
    run_.report(error);
  }
  run_.progress().expect(files->size(), bytes);
  pool_.add_each(files->size(), [=, this](std::size_t i) {
    const File& file = (*files)[i];
    check(joined(path, file.name), file.size_bytes, false);
  });
}

void Verify::check(const std::string& path, std::uint64_t size_bytes, bool is_named) {
  FileProgress progress(run_.progress(), path, size_bytes);
  Call call = run_.call();
  call.progress = progress.callback();
  try {
    tell(path, client_.verify(path, call), is_named);
  } catch (const Error& error) {
    // Gone since it was listed: that is how a tree in use looks.
    if (is_named || error.code() != "not_found") run_.report(error);
  }
}

void Verify::tell(const std::string& path, const Verification& found, bool is_named) {
  const bool is_damaged = !found.damage.empty();
  const bool has_digest = is_damaged || !found.attributes.digest.empty();
  if (is_damaged) run_.report(Error("damaged", path, found.damage + ranges_text(found)));
  const std::lock_guard lock(mutex_);
  ++files_;
  if (has_digest) bytes_ += found.attributes.size_bytes;
  if (!has_digest) ++without_digest_;
  if (is_damaged) ++damaged_;
  if (run_.json()) {
    // Of a tree only what somebody has to look at.
    if (is_named || is_damaged || !has_digest) run_.out().print(finding_json(path, found) + "\n");
  } else if (is_named && !has_digest) {
    run_.note(path + ": no digest is stored with it, as it was not put there by Sluice");
  }
}

void Verify::print_summary() const {
  const auto elapsed = run_.progress().elapsed();
  // A mistake in the call is told without a summary of nothing.
  if (files_ == 0 && run_.status() != 0) return;
  if (run_.json()) {
    run_.out().print(JsonObject()
                         .add("files", files_)
                         .add("bytes", bytes_)
                         .add("damaged", damaged_)
                         .add("no_digest", without_digest_)
                         .add("elapsed_ms", elapsed.count())
                         .text() +
                     "\n");
    return;
  }
  if (run_.progress().is_quiet()) return;
  std::string line = fmt::format("{} file{}, {} in {}", files_, files_ == 1 ? "" : "s",
                                 size_text(bytes_), duration_text(elapsed));
  line += damaged_ == 0 ? ": no damage" : fmt::format(": {} damaged", damaged_);
  if (without_digest_ > 0) line += fmt::format(", {} without a digest", without_digest_);
  run_.out().print(line + "\n");
}

int verify(const Options& options, Invocation& run) {
  choose_progress("verify", options.transfer, run);
  Verify verify(options, run);
  for (const std::string& typed : options.paths) verify.add(remote_path(typed));
  verify.run();
  return run.status();
}

}  // namespace

void add_verify(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add(
      {.name = "verify",
       .summary = "Check stored files for damage.",
       .usage = "[-r] [-q] [--progress] PATH...",
       .examples = "  sluice verify results/today.csv\n"
                   "  sluice verify -r .",
       .details =
           "The server reads the files from its disk and compares them with the digests that "
           "were stored\n"
           "with them. Exit status 9 if one is damaged. Files that others have put into the "
           "tree have no\n"
           "digest; they are counted."},
      [options](Invocation& run) { return verify(*options, run); });
  command.flag("-r", options->transfer.recursive, "Directories with all that is in them");
  command.flag("--progress", options->transfer.progress,
               "Where standard error is no terminal: a line of progress each\n"
               "second instead of one every ten");
  command.flag("-q,--quiet", options->transfer.quiet, "No progress and no summary, damage only");
  command.operands("PATH...", options->paths, 1);
}

}  // namespace sluice::shell
