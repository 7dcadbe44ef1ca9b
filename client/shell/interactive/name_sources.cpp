// Names on the server and on this machine: see name_sources.hpp.
#include "client/shell/interactive/name_sources.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "client/shell/format.hpp"
#include "client/shell/interactive/paths.hpp"
#include "client/shell/own_locks.hpp"
#include "client/shell/target.hpp"
#include "sluice/error.hpp"

namespace sluice::shell {
namespace {

// A directory that is not there has no names.
bool means_nothing_there(const Error& error) {
  return error.code() == "not_found" || error.code() == "not_directory" ||
         error.code() == "bad_path" || error.code() == "not_regular";
}

// Thrown through Client::list to end it.
struct Enough {};

bool is_directory(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

}  // namespace

void RemoteNames::names(const std::string& directory, const std::string& prefix,
                        const Taker& taker) {
  auto page = [&](const std::vector<Entry>& entries) {
    for (const Entry& entry : entries)
      if (!taker({entry.name, entry.attributes.kind == Kind::directory})) throw Enough{};
  };
  try {
    client_.list(remote_path(resolved(directory_, directory)), page, {.prefix = prefix},
                 {.stop = stop_});
  } catch (const Enough&) {
  } catch (const Error& error) {
    if (!means_nothing_there(error)) throw;
  }
}

bool RemoteNames::exists(const std::string& path) {
  try {
    client_.stat(remote_path(resolved(directory_, path)), {.stop = stop_});
    return true;
  } catch (const Error& error) {
    if (error.code() == "not_regular") return true;
    if (!means_nothing_there(error)) throw;
    return false;
  }
}

void LockNumbers::names(const std::string&, const std::string& prefix, const Taker& taker) {
  auto page = [&](const std::vector<LockEntry>& entries) {
    for (const LockEntry& entry : entries) {
      std::string number = std::to_string(entry.number);
      if (entry.number == 0 || !number.starts_with(prefix)) continue;
      std::string about = escaped(entry.holder) + " on " + paths_text(entry.claims);
      if (!taker({std::move(number), false, std::move(about)})) throw Enough{};
    }
  };
  try {
    client_.locks("", page, {.stop = stop_});
  } catch (const Enough&) {
  }
}

void LocalNames::names(const std::string& directory, const std::string& prefix,
                       const Taker& taker) {
  const std::string path = directory.empty() ? "." : with_home(directory);
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(path.c_str()), ::closedir);
  if (!open) return;
  while (const dirent* entry = ::readdir(open.get())) {
    if (stop_.stop_requested()) throw Error("interrupted", directory, {});
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || !name.starts_with(prefix)) continue;
    const bool may_be_directory = entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN;
    const bool directory_there =
        entry->d_type == DT_DIR ||
        (may_be_directory && is_directory(joined(path, std::string(name))));
    if (!taker({std::string(name), directory_there})) return;
  }
}

bool LocalNames::exists(const std::string& path) {
  struct stat about {};
  return ::lstat(with_home(path).c_str(), &about) == 0;
}

std::unique_ptr<NameSource> source_for(const NameQuery& query, Client& client,
                                       std::stop_token stop) {
  if (query.local) return std::make_unique<LocalNames>(std::move(stop));
  if (query.lock_numbers) return std::make_unique<LockNumbers>(client, std::move(stop));
  return std::make_unique<RemoteNames>(client, query.working_directory, std::move(stop));
}

std::string with_home(const std::string& typed) {
  const char* home = std::getenv("HOME");
  if (home == nullptr || !(typed == "~" || typed.starts_with("~/"))) return typed;
  return home + typed.substr(1);
}

}  // namespace sluice::shell
