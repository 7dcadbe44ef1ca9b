// The trie: see path_index.hpp. A shelf holds what one lane has at and beneath one node; it exists
// only while it holds something. `beneath` has one entry for each child with anything in the lane,
// ordered by the child's first id, so the first id of a subtree is known at its root and is kept up
// on the way up only while it changes.
#include "broker/locks/path_index.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <unordered_map>
#include <utility>

namespace sluice::broker::locks {
namespace {

constexpr Id none = std::numeric_limits<Id>::max();

/// A component with its hash beside it: whoever looks through a directory's names then reads none
/// but the right one, and memory is what it takes time to reach when there are very many.
struct Name {
  std::string_view text;
  std::size_t hash;
  explicit Name(std::string_view name) : text(name), hash(std::hash<std::string_view>{}(name)) {}
  bool operator==(const Name& other) const { return hash == other.hash && text == other.text; }
};

struct NameHash {
  std::size_t operator()(const Name& name) const { return name.hash; }
};

// Takes the first component off the path.
std::string_view next_name(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view name = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  return name;
}

// The largest id before the bound, or 0.
Id last_before(const std::set<Id>& ids, Id bound) {
  const auto end = ids.lower_bound(bound);
  return end == ids.begin() ? 0 : *std::prev(end);
}

// Holders count whenever they came, waiters only before.
Id bound_of(Lane lane, Id before) {
  return lane < Lane::waiting_shared ? none : before;
}

Id first_of(const std::set<Id>& ids) {
  return ids.empty() ? none : *ids.begin();
}

}  // namespace

struct PathIndex::Shelf {
  std::set<Id> paths;
  std::set<Id> trees;
  std::set<std::pair<Id, Node*>> beneath;
  bool empty() const { return paths.empty() && trees.empty() && beneath.empty(); }
};

struct PathIndex::Node {
  // Most names asked for are new: in a sparse table that is seen without looking at others.
  Node() { children.max_load_factor(0.5F); }

  Node* parent = nullptr;
  std::string name;
  std::unordered_map<Name, std::unique_ptr<Node>, NameHash> children;
  std::array<std::unique_ptr<Shelf>, lane_count> shelves;

  Shelf* shelf(Lane lane) const { return shelves[static_cast<std::size_t>(lane)].get(); }
  Shelf& make_shelf(Lane lane) {
    auto& place = shelves[static_cast<std::size_t>(lane)];
    if (!place) place = std::make_unique<Shelf>();
    return *place;
  }
  void drop_empty_shelf(Lane lane) {
    auto& place = shelves[static_cast<std::size_t>(lane)];
    if (place && place->empty()) place.reset();
  }
  bool empty() const {
    return std::all_of(shelves.begin(), shelves.end(), [](const auto& shelf) { return !shelf; });
  }
  Node* child(std::string_view child_name) const {
    const auto found = children.find(Name(child_name));
    return found == children.end() ? nullptr : found->second.get();
  }
  // The first id of the lane in the subtree.
  Id first(Lane lane) const {
    const Shelf* own = shelf(lane);
    if (!own) return none;
    const Id beneath = own->beneath.empty() ? none : own->beneath.begin()->first;
    return std::min({first_of(own->paths), first_of(own->trees), beneath});
  }
};

PathIndex::PathIndex() : root_(std::make_unique<Node>()) {}
PathIndex::~PathIndex() = default;

void PathIndex::insert(std::string_view path, bool tree, Lane lane, Id id) {
  Node* node = root_.get();
  while (!path.empty()) {
    const std::string_view name = next_name(path);
    Node* child = node->child(name);
    if (!child) {
      auto made = std::make_unique<Node>();
      child = made.get();
      child->parent = node;
      child->name = name;
      node->children.emplace(Name(child->name), std::move(made));
      ++nodes_;
    }
    node = child;
  }
  const Id before = node->first(lane);
  Shelf& shelf = node->make_shelf(lane);
  auto& ids = tree ? shelf.trees : shelf.paths;
  ids.insert(ids.end(), id);
  changed(node, lane, before);
}

void PathIndex::erase(std::string_view path, bool tree, Lane lane, Id id) {
  Node* node = root_.get();
  while (node && !path.empty()) node = node->child(next_name(path));
  Shelf* shelf = node ? node->shelf(lane) : nullptr;
  if (!shelf) return;
  const Id before = node->first(lane);
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
    Shelf& shelf = parent->make_shelf(lane);
    if (before != none) {
      // What is held for a short time is among the last.
      const auto last = std::prev(shelf.beneath.end());
      shelf.beneath.erase(last->second == node ? last : shelf.beneath.find({before, node}));
    }
    // Who comes last has the largest id.
    if (after != none) shelf.beneath.emplace_hint(shelf.beneath.end(), after, node);
    parent->drop_empty_shelf(lane);
    before = parent_before;
  }
}

void PathIndex::prune(Node* node) {
  while (node->parent && node->empty()) {
    Node* parent = node->parent;
    parent->children.erase(parent->children.find(Name(node->name)));
    --nodes_;
    node = parent;
  }
}

Id PathIndex::touching(std::string_view path, bool tree, std::span<const Lane> lanes,
                       Id before) const {
  Id latest = 0;
  const Node* node = root_.get();
  for (; node && !path.empty(); node = node->child(next_name(path))) {
    for (const Lane lane : lanes)
      if (const Shelf* shelf = node->shelf(lane))
        latest = std::max(latest, last_before(shelf->trees, bound_of(lane, before)));
  }
  if (!node) return latest;
  for (const Lane lane : lanes) {
    const Shelf* shelf = node->shelf(lane);
    if (!shelf) continue;
    latest = std::max({latest, last_before(shelf->trees, bound_of(lane, before)),
                       last_before(shelf->paths, bound_of(lane, before))});
    if (tree && !shelf->beneath.empty() && shelf->beneath.begin()->first < bound_of(lane, before))
      latest = std::max(latest, shelf->beneath.begin()->first);
  }
  return latest;
}

std::set<Id> PathIndex::all_touching(std::string_view path, bool tree, std::span<const Lane> lanes,
                                     Id before, std::size_t limit) const {
  std::set<Id> found;
  auto add = [&](const std::set<Id>& ids, Lane lane) {
    const auto end = ids.lower_bound(bound_of(lane, before));
    for (auto id = ids.begin(); id != end && found.size() < limit; ++id) found.insert(*id);
  };
  auto add_node = [&](const Node& node, bool trees_only) {
    for (const Lane lane : lanes) {
      const Shelf* shelf = node.shelf(lane);
      if (!shelf) continue;
      add(shelf->trees, lane);
      if (!trees_only) add(shelf->paths, lane);
    }
  };
  const Node* node = root_.get();
  for (; node && !path.empty(); node = node->child(next_name(path))) add_node(*node, true);
  std::vector<const Node*> open;
  if (node) open.push_back(node);
  while (!open.empty() && found.size() < limit) {
    node = open.back();
    open.pop_back();
    add_node(*node, false);
    if (!tree) break;
    for (const Lane lane : lanes)
      if (const Shelf* shelf = node->shelf(lane))
        for (const auto& [first, child] : shelf->beneath)
          if (first < bound_of(lane, before)) open.push_back(child);
  }
  return found;
}

std::vector<Id> PathIndex::list(std::string_view path, Id after, std::size_t limit) const {
  std::set<Id> found;
  auto add = [&](const std::set<Id>& ids) {
    for (auto id = ids.upper_bound(after); id != ids.end(); ++id) {
      if (found.size() == limit && *id > *found.rbegin()) return;
      found.insert(*id);
      if (found.size() > limit) found.erase(std::prev(found.end()));
    }
  };
  auto add_node = [&](const Node& node, bool trees_only) {
    for (std::size_t i = 0; i < lane_count; ++i) {
      const Lane lane = static_cast<Lane>(i);
      const Shelf* shelf = node.shelf(lane);
      if (!shelf || lane == Lane::held_commit || lane >= Lane::waiting_upgrade) continue;
      add(shelf->trees);
      if (!trees_only) add(shelf->paths);
    }
  };
  const Node* node = root_.get();
  for (; node && !path.empty(); node = node->child(next_name(path))) add_node(*node, true);
  std::vector<const Node*> open;
  if (node) open.push_back(node);
  while (!open.empty()) {
    node = open.back();
    open.pop_back();
    add_node(*node, false);
    for (const auto& [name, child] : node->children) open.push_back(child.get());
  }
  return {found.begin(), found.end()};
}

}  // namespace sluice::broker::locks
