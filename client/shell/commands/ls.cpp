// `sluice ls`: names of a directory, sorted as long as it is not huge; then as the disk has them,
// so that memory stays bounded.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <utility>

#include "client/shell/commands/commands.hpp"
#include "client/shell/format.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {
namespace {

/// Directories up to this many entries are sorted.
constexpr std::size_t sorted_entries = 10'000;

struct Options {
  bool details = false;
  bool recursive = false;
  std::vector<std::string> paths;
};

class Listing {
 public:
  Listing(const Options& options, Invocation& run) : options_(options), run_(run) {}

  void list(const std::string& path);
  void heading(const std::string& directory, bool is_first);
  void print(const std::vector<Entry>& entries, const std::string& prefix);
  void descend(const std::vector<std::string>& directories);

 private:
  std::string line(const std::string& path, const Attributes& attributes, std::size_t size_width,
                   std::size_t version_width) const;

  const Options& options_;
  Invocation& run_;
  const bool colour_ = colour_wanted(STDOUT_FILENO);
};

std::string Listing::line(const std::string& path, const Attributes& attributes,
                          std::size_t size_width, std::size_t version_width) const {
  if (run_.json()) return attributes_json(path, attributes) + "\n";
  std::string name = run_.out().is_terminal() ? escaped(path) : path;
  if (colour_) name = coloured(name, attributes.kind, attributes.mode);
  if (attributes.kind == Kind::directory) name += "/";
  if (!options_.details) return name + "\n";
  return fmt::format("{} {:>{}} {} {:>{}} {}\n", mode_text(attributes.kind, attributes.mode),
                     attributes.size_bytes, size_width, time_text(attributes.mtime_ns),
                     fmt::format("v{}", attributes.version), version_width, name);
}

void Listing::print(const std::vector<Entry>& entries, const std::string& prefix) {
  std::size_t size_width = 0;
  std::size_t version_width = 0;
  for (const Entry& entry : entries) {
    size_width = std::max(size_width, std::to_string(entry.attributes.size_bytes).size());
    version_width = std::max(version_width, std::to_string(entry.attributes.version).size() + 1);
  }
  for (const Entry& entry : entries)
    run_.out().print(line(joined(prefix, entry.name), entry.attributes, size_width, version_width));
}

// Not where each entry says its path.
void Listing::heading(const std::string& directory, bool is_first) {
  if (options_.recursive || run_.json()) return;
  const std::string name = run_.out().is_terminal() ? escaped(directory) : directory;
  run_.out().print((is_first ? "" : "\n") + (name.empty() ? "(root)" : name) + ":\n");
}

void Listing::descend(const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    try {
      list(directory);
    } catch (const Error& error) {
      // Gone since it was listed: that is how a tree in use looks.
      if (error.code() != "not_found" && error.code() != "not_directory") run_.report(error);
    }
  }
}

void Listing::list(const std::string& path) {
  // Entries are shown by their path with -R and to programs, by their name without.
  const std::string prefix = options_.recursive || run_.json() ? path : "";
  std::vector<Entry> kept;
  std::vector<std::string> directories;
  bool streaming = false;
  auto page = [&](const std::vector<Entry>& entries) {
    if (options_.recursive)
      for (const Entry& entry : entries)
        if (entry.attributes.kind == Kind::directory)
          directories.push_back(joined(path, entry.name));
    if (!streaming) kept.insert(kept.end(), entries.begin(), entries.end());
    if (streaming) {
      print(entries, prefix);
    } else if (kept.size() > sorted_entries) {
      streaming = true;
      print(kept, prefix);
      kept.clear();
    }
  };
  run_.client().list(path, page, {.details = options_.details || run_.json()}, run_.call());
  std::sort(kept.begin(), kept.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  if (streaming || !options_.recursive) {
    print(kept, prefix);
    descend(directories);
    return;
  }
  for (const Entry& entry : kept) {
    print({entry}, prefix);
    if (entry.attributes.kind == Kind::directory) descend({joined(path, entry.name)});
  }
}

// As ls(1) has it: files first, then each directory under its name.
int ls_several(const Options& options, Invocation& run) {
  std::vector<std::future<Attributes>> asked;
  for (const std::string& typed : options.paths)
    asked.push_back(run.client().async().stat(remote_path(typed), run.call()));
  std::vector<Entry> others;
  std::vector<std::string> directories;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const std::string& typed = options.paths[i];
    try {
      const Attributes attributes = asked[i].get();
      if (attributes.kind == Kind::directory)
        directories.push_back(remote_path(typed));
      else if (names_directory(typed))
        throw Error("not_directory", remote_path(typed), {});
      else
        others.push_back({remote_path(typed), attributes});
    } catch (const Error& error) {
      run.report(error);
    }
  }
  Listing listing(options, run);
  listing.print(others, "");
  bool is_first = others.empty();
  for (const std::string& directory : directories) {
    listing.heading(directory, std::exchange(is_first, false));
    try {
      listing.list(directory);
    } catch (const Error& error) {
      run.report(error);
    }
  }
  return run.status();
}

int ls(const Options& options, Invocation& run) {
  if (options.paths.size() > 1) return ls_several(options, run);
  const std::string path =
      options.paths.empty() ? run.seat().directory() : remote_path(options.paths.front());
  Listing listing(options, run);
  try {
    listing.list(path);
  } catch (const Error& error) {
    if (error.code() != "not_directory" || names_directory(options.paths.front())) throw;
    const Attributes attributes = run.client().stat(path, run.call());
    listing.print({Entry{path, attributes}}, "");
  }
  return run.status();
}

}  // namespace

void add_ls(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add({"ls", "List directories of the server.", "[-l] [-R] [PATH...]",
                              "  sluice ls\n  sluice ls -l results\n  sluice ls -R results"},
                             [options](Invocation& run) { return ls(*options, run); });
  command.flag("-l", options->details, "Mode, size, time and version too");
  command.flag("-R", options->recursive, "And all directories beneath it");
  command.operands("PATH...", options->paths, 0);
}

}  // namespace sluice::shell
