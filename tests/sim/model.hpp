// The tree as it has to be: a map from paths to what is there, changed by one commit after the
// other, with its past. Written for plainness, not from the publisher's code. Read on: truth.hpp.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/messages/commits.hpp"
#include "tests/sim/world.hpp"
#include "tests/support/sim_storage.hpp"

namespace sluice::sim {

struct Node {
  bool directory = false;
  std::uint64_t version = 0;
  protocol::Digest root{};
  /// Absent where the model cannot know it.
  std::optional<std::uint32_t> mode;
};
using State = std::optional<Node>;

class Model {
 public:
  /// Why a commit must fail now; `Code{}` if it must not.
  protocol::Code refusal(const protocol::Commit& commit) const;
  /// Does what the commit says; it must not be refused.
  void apply(const protocol::Commit& commit, std::uint64_t number, Micros now);
  /// A power loss took a put that was relaxed.
  void lose(const std::string& path, Micros now) { set(path, {}, now); }
  /// The first difference to the tree on the disk; empty if there is none.
  std::string difference(const testing::SimStorage& storage) const;

  const std::map<std::string, Node>& nodes() const { return nodes_; }
  /// Whether the state of a path between the two times (both included) was ever as wanted.
  bool was(const std::string& path, Micros from, Micros to,
           const std::function<bool(const State&)>& wanted) const;
  /// The same of the names in a directory.
  bool had_names(const std::string& directory, Micros from, Micros to,
                 const std::set<std::string>& names) const;

 private:
  struct Change {
    Micros when;
    State state;
  };
  const Node* at(const std::string& path) const;
  bool parent_missing(const std::string& path) const;
  bool empty(const std::string& directory) const;
  void set(const std::string& path, const State& state, Micros now);
  protocol::Code refusal_of_put(const protocol::Commit& commit) const;
  protocol::Code refusal_of_rename(const protocol::Commit& commit) const;
  protocol::Code refusal_of_directory(const protocol::Commit& commit) const;
  void move(const std::string& from, const std::string& to, Micros now);

  std::map<std::string, Node> nodes_;
  std::map<std::string, std::vector<Change>> past_;
};

}  // namespace sluice::sim
