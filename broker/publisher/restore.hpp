// Makes the tree agree with the last state the log tells of. Used by replay alone, before anything
// is served. Why it is exact: replay.hpp.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/publisher/last_state.hpp"
#include "storage/storage.hpp"

namespace sluice::broker::publisher {

class Restore {
 public:
  /// Both must outlive this.
  Restore(storage::Storage& storage, const LastState& state) : storage_(storage), state_(state) {}

  /// Fails as the disk fails, and where something put there by hand is in the way of a file whose
  /// bytes would be lost.
  protocol::Result<void> run();
  /// What could not be made to agree because the tree was changed by hand.
  const std::vector<std::string>& notes() const { return notes_; }
  /// Session and request id of relaxed puts that the log has and a power loss took.
  const std::vector<std::pair<std::uint64_t, std::uint64_t>>& lost() const { return lost_; }
  /// How many it took that the log does not have, but of which something was left.
  std::uint64_t unlogged() const { return unlogged_; }

 private:
  enum class Where { in_place, kept, missing, lost };
  using Step = std::function<protocol::Result<void>()>;

  protocol::Result<void> change_directory(const LogRecord& record);
  protocol::Result<void> remove_unlogged();
  protocol::Result<void> remove_unlogged_in(const std::string& directory, std::uint64_t after);
  protocol::Result<void> set_aside_all();
  protocol::Result<Where> unless_torn(const std::string& path, const LastFile& file, Where where);
  protocol::Result<Where> set_aside(const std::string& path, const LastFile& file);
  protocol::Result<void> remove_past();
  protocol::Result<void> fill();
  protocol::Result<void> make_directory(const std::string& path);
  protocol::Result<void> write_logged(const std::string& path, const LastPath& last);
  bool has_content(const std::string& path, const LastPath& last);
  protocol::Result<void> put_kept(const std::string& path, const LastFile& file);
  protocol::Result<void> set_all_attributes();

  protocol::Result<std::optional<storage::Entry>> look(const std::string& path);
  protocol::Result<void> insist(const std::string& path, const Step& step);
  protocol::Result<void> make_parents(const std::string& path);
  protocol::Result<bool> open_parent(const std::string& path);
  void note(const std::string& path, std::string_view what);

  storage::Storage& storage_;
  const LastState& state_;
  bool is_lost(const LastPath& last) const;
  std::map<const LastFile*, Where> where_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> lost_;
  std::uint64_t unlogged_ = 0;
  /// Directories made writable for replay, and their modes before.
  std::vector<std::pair<std::string, std::uint32_t>> opened_;
  std::vector<std::string> notes_;
};

}  // namespace sluice::broker::publisher
