// Where in the tree of paths somebody holds or waits: a trie by path component. Every node knows
// the first id of each lane at or beneath it, so that "is anybody in the way?" costs one step a
// component (and the logarithm of what lies at a node), however many locks there are. Nodes without
// entries are removed. Pure data, used by the lock table alone. Read on: lock_table.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker::locks {

/// A request's place in the order of arrival. Grows; never 0.
using Id = std::uint64_t;

/// What an entry is: how its request stands, and in which mode it claims.
enum class Lane : std::uint8_t {
  held_shared,
  held_exclusive,
  held_commit,
  waiting_shared,
  waiting_exclusive,
  waiting_commit,
  /// The claims of a holder that waits to become exclusive; it is in its held lanes too.
  waiting_upgrade,
  /// Explicit waiters that only commits under way keep waiting; they are in their waiting lane too.
  next_up,
};
inline constexpr std::size_t lane_count = 8;

class PathIndex {
 public:
  PathIndex();
  ~PathIndex();
  PathIndex(const PathIndex&) = delete;
  PathIndex& operator=(const PathIndex&) = delete;

  /// An entry that is there already is left as it is.
  void insert(std::string_view path, bool tree, Lane lane, Id id);
  void erase(std::string_view path, bool tree, Lane lane, Id id);

  /// Somebody in one of the lanes whose claim touches this one, or 0. Of waiting lanes only ids
  /// before `before` count. Of those at the path and of trees above it the latest is taken, so that
  /// each of a queue's waiters finds the one just before it; of those beneath the first.
  Id touching(std::string_view path, bool tree, std::span<const Lane> lanes, Id before) const;

  /// Calls `take` with everybody whom `touching` may give, as long as that gives true; with some
  /// twice. With a `from` holders are left out, and waiters before that one. Each node beneath the
  /// path takes one off `steps`; with none left it ends.
  void each_touching(std::string_view path, bool tree, std::span<const Lane> lanes, Id from,
                     Id before, std::size_t& steps, const std::function<bool(Id)>& take) const;

  /// The first `limit` ids after `after` that touch the tree at `path`, without commits under way
  /// and conversions. Nothing if there are more than `most` nodes beneath, which were too long to
  /// look through.
  std::optional<std::vector<Id>> list(std::string_view path, Id after, std::size_t limit,
                                      std::size_t most) const;

  /// How many nodes there are beside the root.
  std::size_t nodes() const { return nodes_; }

 private:
  struct Node;
  struct Shelf;
  Node* find(Node* parent, std::string_view name) const;
  Node* add(Node* parent, std::string_view name);
  void grow();
  void changed(Node* node, Lane lane, Id before);
  void prune(Node* node);

  std::unique_ptr<Node> root_;
  /// All other nodes, by parent and name: chains by hash, as many as a power of two.
  std::vector<Node*> chains_;
  std::size_t nodes_ = 0;
};

}  // namespace sluice::broker::locks
