// What the log says the tree is like in the end: the last state of each path it names, and for each
// file where its bytes are and which names it had. Pure data and functions, no disk; used by replay
// alone. Read on: replay.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "broker/publisher/commit_log.hpp"
#include "storage/storage.hpp"

namespace sluice::broker::publisher {

/// A file that the log says is in the tree now.
struct LastFile {
  enum class Bytes : std::uint8_t {
    logged,   ///< in the log
    claimed,  ///< were claimed by the commit that is `kept_as`
    earlier,  ///< were in the tree before the log began
  };
  Bytes bytes = Bytes::earlier;
  storage::FileStamp stamp;
  /// 0: not known.
  std::uint64_t inode = 0;
  /// The number under which it is claimed, or set aside during replay.
  std::uint64_t kept_as = 0;
  std::string staged;
  std::string content;
  protocol::Preserve preserve;
  /// Its bytes may not have been synced; the request that put it.
  bool relaxed = false;
  std::uint64_t session = 0;
  std::uint64_t request_id = 0;
  /// All it had since the log began; the last one is where it belongs.
  std::vector<std::string> names;

  /// Whether this entry of the disk is it. A version belongs to one file alone; a file without one
  /// is known by its inode number.
  bool is(const storage::Entry& entry) const;
};

struct LastPath {
  enum class What : std::uint8_t { absent, file, directory };
  What what = What::absent;
  /// The commit that made it so: what is there with a lower version is older.
  std::uint64_t number = 0;
  std::shared_ptr<LastFile> file;
  /// directory: made by the log, or only given attributes.
  bool made = false;
  protocol::Preserve preserve;
  /// Inode numbers of files without version that were here once.
  std::set<std::uint64_t> past_inodes;

  /// Whether this entry of the disk is a file that was here before `number`, and may go.
  bool is_past(const storage::Entry& entry) const;
};

class LastState {
 public:
  /// Takes the next change in log order; other records are ignored. `directory_change()` is set by
  /// one of a directory, which must be the first: fails with `damaged` otherwise.
  protocol::Result<void> add(const LogRecord& record, std::string_view data);

  const std::optional<LogRecord>& directory_change() const { return directory_change_; }
  /// By path, so that a directory comes before what is in it.
  const std::map<std::string, LastPath>& paths() const { return paths_; }
  /// Where there may be files whose record was lost, and after which version.
  const std::map<std::string, std::uint64_t>& relaxed_in() const { return relaxed_in_; }
  /// Whether the log has the put that made this version.
  bool has_put(std::uint64_t version) const { return puts_.contains(version); }

 private:
  void put(const LogRecord& record, std::string_view data);
  void remove(const LogRecord& record);
  void rename(const LogRecord& record);
  void make_directories(const LogRecord& record);
  void set_attributes(const LogRecord& record);
  std::shared_ptr<LastFile> file_at(const std::string& path, const LogRecord& record);

  std::map<std::string, LastPath> paths_;
  std::optional<LogRecord> directory_change_;
  std::map<std::string, std::uint64_t> relaxed_in_;
  std::unordered_set<std::uint64_t> puts_;
};

}  // namespace sluice::broker::publisher
