// The trie: see path_index.hpp. A shelf holds what one lane has at and beneath one node; it exists
// only while it holds something. `beneath` has one entry for each child with anything in the lane,
// ordered by the child's first id, so the first id of a subtree is known at its root and is kept up
// on the way up only while it changes.
//
// Where there are very many nodes, time is what it takes to reach memory, and most nodes are the
// end of one lock's path. So a node is found in one table of all, and has room for one shelf with
// one id in itself.
#include "broker/locks/path_index.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <set>
#include <utility>

namespace sluice::broker::locks {
namespace {

constexpr Id none = std::numeric_limits<Id>::max();
constexpr std::size_t first_chains = 64;

// Takes the first component off the path.
std::string_view next_name(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view name = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  return name;
}

// Holders count whenever they came, waiters only before.
Id bound_of(Lane lane, Id before) {
  return lane < Lane::waiting_shared ? none : before;
}

std::size_t hash_of(const void* parent, std::string_view name) {
  const auto address = reinterpret_cast<std::uintptr_t>(parent);
  return std::hash<std::string_view>{}(name) ^ (address * 0x9e3779b97f4a7c15 >> 16);
}

/// Ids in order, mostly one.
class Ids {
 public:
  bool empty() const { return only_ == 0 && !many_; }
  /// `none` if there is none.
  Id first() const {
    if (many_) return *many_->begin();
    return only_ == 0 ? none : only_;
  }
  /// The largest before the bound, or 0.
  Id last_before(Id bound) const {
    if (!many_) return only_ < bound ? only_ : 0;
    const auto end = many_->lower_bound(bound);
    return end == many_->begin() ? 0 : *std::prev(end);
  }
  void insert(Id id) {
    if (many_) {
      many_->insert(many_->end(), id);
    } else if (only_ == 0) {
      only_ = id;
    } else if (only_ != id) {
      many_ = std::make_unique<std::set<Id>>(std::set<Id>{only_, id});
      only_ = 0;
    }
  }
  void erase(Id id) {
    if (only_ == id) only_ = 0;
    if (!many_) return;
    many_->erase(id);
    if (many_->empty()) many_.reset();
  }
  /// Calls `take` with each from `id` on in order, as long as that gives true.
  template <class Take>
  void each_from(Id id, const Take& take) const {
    if (only_ != 0 && only_ >= id) take(only_);
    if (!many_) return;
    for (auto each = many_->lower_bound(id); each != many_->end() && take(*each);) ++each;
  }

 private:
  Id only_ = 0;
  std::unique_ptr<std::set<Id>> many_;
};

}  // namespace

struct PathIndex::Shelf {
  Ids paths;
  Ids trees;
  /// Nothing instead of an empty one.
  std::unique_ptr<std::set<std::pair<Id, Node*>>> beneath;

  bool empty() const { return paths.empty() && trees.empty() && !beneath; }
  Id first_beneath() const { return beneath ? beneath->begin()->first : none; }
  // The first id of the lane in the subtree.
  Id first() const { return std::min({paths.first(), trees.first(), first_beneath()}); }
  void move_beneath(Node* child, Id before, Id after);
};

struct PathIndex::Node {
  Node* parent = nullptr;
  Node* next_in_chain = nullptr;
  std::size_t hash = 0;
  std::string name;

  Shelf* shelf(Lane lane) {
    if (own_lane_ == lane) return &own_;
    return others_ ? (*others_)[static_cast<std::size_t>(lane)].get() : nullptr;
  }
  const Shelf* shelf(Lane lane) const { return const_cast<Node*>(this)->shelf(lane); }
  Shelf& make_shelf(Lane lane);
  void drop_empty_shelf(Lane lane);
  bool empty() const { return own_lane_ == no_lane && !others_; }
  Id first(Lane lane) const {
    const Shelf* found = shelf(lane);
    return found ? found->first() : none;
  }

 private:
  static constexpr Lane no_lane{lane_count};
  Lane own_lane_ = no_lane;
  Shelf own_;
  /// Nothing while all of them are.
  std::unique_ptr<std::array<std::unique_ptr<Shelf>, lane_count>> others_;
};

PathIndex::Shelf& PathIndex::Node::make_shelf(Lane lane) {
  if (Shelf* found = shelf(lane)) return *found;
  if (own_lane_ == no_lane) {
    own_lane_ = lane;
    return own_;
  }
  if (!others_) others_ = std::make_unique<std::array<std::unique_ptr<Shelf>, lane_count>>();
  auto& place = (*others_)[static_cast<std::size_t>(lane)];
  place = std::make_unique<Shelf>();
  return *place;
}

void PathIndex::Node::drop_empty_shelf(Lane lane) {
  const Shelf* found = shelf(lane);
  if (!found || !found->empty()) return;
  if (own_lane_ == lane) {
    own_lane_ = no_lane;
    return;
  }
  (*others_)[static_cast<std::size_t>(lane)].reset();
  if (std::all_of(others_->begin(), others_->end(), [](const auto& shelf) { return !shelf; }))
    others_.reset();
}

// The child's first id was `before` and is `after` now.
void PathIndex::Shelf::move_beneath(Node* child, Id before, Id after) {
  if (before != none) {
    // What is held for a short time is among the last.
    const auto last = std::prev(beneath->end());
    beneath->erase(last->second == child ? last : beneath->find({before, child}));
  }
  if (after != none) {
    if (!beneath) beneath = std::make_unique<std::set<std::pair<Id, Node*>>>();
    // Who comes last has the largest id.
    beneath->emplace_hint(beneath->end(), after, child);
  } else if (beneath->empty()) {
    beneath.reset();
  }
}

PathIndex::PathIndex() : root_(std::make_unique<Node>()), chains_(first_chains) {}

PathIndex::~PathIndex() {
  for (Node* node : chains_)
    while (node) delete std::exchange(node, node->next_in_chain);
}

PathIndex::Node* PathIndex::find(Node* parent, std::string_view name) const {
  const std::size_t hash = hash_of(parent, name);
  Node* node = chains_[hash & (chains_.size() - 1)];
  while (node && !(node->hash == hash && node->parent == parent && node->name == name))
    node = node->next_in_chain;
  return node;
}

PathIndex::Node* PathIndex::add(Node* parent, std::string_view name) {
  // Most names asked for are new: in a sparse table that is seen without looking at others.
  if (2 * ++nodes_ > chains_.size()) grow();
  auto* node = new Node;
  node->parent = parent;
  node->hash = hash_of(parent, name);
  node->name = name;
  node->next_in_chain = std::exchange(chains_[node->hash & (chains_.size() - 1)], node);
  return node;
}

void PathIndex::grow() {
  std::vector<Node*> chains(2 * chains_.size());
  for (Node* node : chains_)
    while (node) {
      Node* next = node->next_in_chain;
      node->next_in_chain = std::exchange(chains[node->hash & (chains.size() - 1)], node);
      node = next;
    }
  chains_ = std::move(chains);
}

void PathIndex::insert(std::string_view path, bool tree, Lane lane, Id id) {
  Node* node = root_.get();
  while (!path.empty()) {
    const std::string_view name = next_name(path);
    Node* child = find(node, name);
    node = child ? child : add(node, name);
  }
  const Id before = node->first(lane);
  Shelf& shelf = node->make_shelf(lane);
  (tree ? shelf.trees : shelf.paths).insert(id);
  changed(node, lane, before);
}

void PathIndex::erase(std::string_view path, bool tree, Lane lane, Id id) {
  Node* node = root_.get();
  while (node && !path.empty()) node = find(node, next_name(path));
  Shelf* shelf = node ? node->shelf(lane) : nullptr;
  if (!shelf) return;
  const Id before = shelf->first();
  (tree ? shelf->trees : shelf->paths).erase(id);
  node->drop_empty_shelf(lane);
  changed(node, lane, before);
  prune(node);
}

// The lane's first id at or beneath `node` was `before`: puts it right in the nodes above.
void PathIndex::changed(Node* node, Lane lane, Id before) {
  for (Node* parent = node->parent; parent; node = parent, parent = node->parent) {
    const Id after = node->first(lane);
    if (after == before) return;
    const Id parent_before = parent->first(lane);
    parent->make_shelf(lane).move_beneath(node, before, after);
    parent->drop_empty_shelf(lane);
    before = parent_before;
  }
}

void PathIndex::prune(Node* node) {
  while (node->parent && node->empty()) {
    Node** place = &chains_[node->hash & (chains_.size() - 1)];
    while (*place != node) place = &(*place)->next_in_chain;
    *place = node->next_in_chain;
    --nodes_;
    delete std::exchange(node, node->parent);
  }
}

Id PathIndex::touching(std::string_view path, bool tree, std::span<const Lane> lanes,
                       Id before) const {
  Id latest = 0;
  Node* node = root_.get();
  for (; node && !path.empty(); node = find(node, next_name(path))) {
    for (const Lane lane : lanes)
      if (const Shelf* shelf = node->shelf(lane))
        latest = std::max(latest, shelf->trees.last_before(bound_of(lane, before)));
  }
  if (!node) return latest;
  for (const Lane lane : lanes) {
    const Shelf* shelf = node->shelf(lane);
    if (!shelf) continue;
    latest = std::max({latest, shelf->trees.last_before(bound_of(lane, before)),
                       shelf->paths.last_before(bound_of(lane, before))});
    if (tree && shelf->first_beneath() < bound_of(lane, before))
      latest = std::max(latest, shelf->first_beneath());
  }
  return latest;
}

void PathIndex::each_touching(std::string_view path, bool tree, std::span<const Lane> lanes,
                              Id from, Id before, std::size_t& steps,
                              const std::function<bool(Id)>& take) const {
  bool more = true;
  auto take_shelf = [&](const Node& node, Lane lane, bool trees_only) {
    const Shelf* shelf = node.shelf(lane);
    if (!shelf || !more) return shelf;
    const Id bound = bound_of(lane, before);
    const auto take_all = [&](const Ids& ids) {
      if (more) ids.each_from(from, [&](Id id) { return id < bound && (more = take(id)); });
    };
    take_all(shelf->trees);
    if (!trees_only) take_all(shelf->paths);
    return shelf;
  };
  const auto is_left_out = [&](Lane lane) { return from != 0 && lane < Lane::waiting_shared; };
  Node* node = root_.get();
  for (; node && !path.empty(); node = find(node, next_name(path)))
    for (const Lane lane : lanes)
      if (!is_left_out(lane)) take_shelf(*node, lane, true);
  if (!node) return;
  // Lane by lane, so that no node is come to twice.
  for (const Lane lane : lanes) {
    std::vector<const Node*> open;
    if (!is_left_out(lane)) open.push_back(node);
    while (!open.empty() && more) {
      const Shelf* shelf = take_shelf(*open.back(), lane, false);
      open.pop_back();
      if (!tree || !shelf || !shelf->beneath) continue;
      for (const auto& [first, child] : *shelf->beneath) {
        if (first >= bound_of(lane, before)) break;
        if (steps == 0) return;
        --steps;
        open.push_back(child);
      }
    }
  }
}

std::optional<std::vector<Id>> PathIndex::list(std::string_view path, Id after, std::size_t limit,
                                               std::size_t most) const {
  std::set<Id> found;
  auto add = [&](const Ids& ids) {
    ids.each_from(after + 1, [&](Id id) {
      if (found.size() == limit && id > *found.rbegin()) return false;
      found.insert(id);
      if (found.size() > limit) found.erase(std::prev(found.end()));
      return true;
    });
  };
  static constexpr Lane listed[] = {Lane::held_shared, Lane::held_exclusive, Lane::waiting_shared,
                                    Lane::waiting_exclusive, Lane::waiting_commit};
  auto add_shelf = [&](const Node& node, Lane lane, bool trees_only) {
    const Shelf* shelf = node.shelf(lane);
    if (!shelf) return shelf;
    add(shelf->trees);
    if (!trees_only) add(shelf->paths);
    return shelf;
  };
  Node* node = root_.get();
  for (; node && !path.empty(); node = find(node, next_name(path)))
    for (const Lane lane : listed) add_shelf(*node, lane, true);
  if (!node) return std::vector<Id>(found.begin(), found.end());
  // Lane by lane, so that no node is come to twice.
  std::size_t looked_at = 0;
  for (const Lane lane : listed) {
    std::vector<const Node*> open{node};
    while (!open.empty()) {
      const Node* next = open.back();
      open.pop_back();
      const Shelf* shelf = add_shelf(*next, lane, false);
      if (!shelf || !shelf->beneath) continue;
      looked_at += shelf->beneath->size();
      if (looked_at > most) return std::nullopt;
      for (const auto& [first, child] : *shelf->beneath) open.push_back(child);
    }
  }
  return std::vector<Id>(found.begin(), found.end());
}

}  // namespace sluice::broker::locks
