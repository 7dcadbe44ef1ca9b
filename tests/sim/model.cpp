// See model.hpp.
#include "tests/sim/model.hpp"

#include "protocol/path.hpp"

namespace sluice::sim {

using protocol::ChangeKind;
using protocol::Code;
using protocol::Commit;

namespace {

constexpr Code none{};

std::string parent(const std::string& path) {
  return std::string(protocol::parent_of(path));
}

}  // namespace

const Node* Model::at(const std::string& path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

bool Model::parent_missing(const std::string& path) const {
  const std::string directory = parent(path);
  if (directory.empty()) return false;
  const Node* node = at(directory);
  return node == nullptr || !node->directory;
}

bool Model::empty(const std::string& directory) const {
  const auto next = nodes_.upper_bound(directory + "/");
  return next == nodes_.end() || !next->first.starts_with(directory + "/");
}

Code Model::refusal_of_put(const Commit& commit) const {
  const Node* node = at(commit.path);
  if (parent_missing(commit.path)) return Code::not_found;
  if (node != nullptr && node->directory) return Code::is_directory;
  if (commit.terms.if_absent && node != nullptr) return Code::exists;
  if (commit.terms.if_version && (node == nullptr || node->version != *commit.terms.if_version))
    return Code::condition_failed;
  return none;
}

Code Model::refusal_of_rename(const Commit& commit) const {
  const Node* from = at(commit.path);
  const Node* to = at(commit.to_path);
  if (from == nullptr) return Code::not_found;
  if (from->directory && !commit.recursive) return Code::is_directory;
  if (commit.terms.if_version && from->version != *commit.terms.if_version)
    return Code::condition_failed;
  if (parent_missing(commit.to_path)) return Code::not_found;
  if (commit.terms.if_absent && to != nullptr) return Code::exists;
  if (commit.path == commit.to_path) return none;
  if (from->directory && protocol::is_within(commit.to_path, commit.path)) return Code::bad_path;
  if (to != nullptr && to->directory) return Code::exists;
  if (to != nullptr && from->directory) return Code::not_directory;
  return none;
}

Code Model::refusal_of_directory(const Commit& commit) const {
  const Node* node = at(commit.path);
  if (node != nullptr && !node->directory) return Code::exists;
  if (node != nullptr && !commit.parents) return Code::exists;
  if (!commit.parents) return parent_missing(commit.path) ? Code::not_found : none;
  // Those that were found missing when the request was looked at, not those that are missing now.
  std::set<std::string> made(commit.missing_parents.begin(), commit.missing_parents.end());
  for (std::string above = parent(commit.path); !above.empty(); above = parent(above)) {
    const Node* there = at(above);
    if (there != nullptr && !there->directory) return Code::not_directory;
    if (there == nullptr && !made.contains(above)) return Code::not_found;
  }
  return none;
}

Code Model::refusal(const Commit& commit) const {
  const Node* node = at(commit.path);
  const bool wrong_version =
      commit.terms.if_version && (node == nullptr || node->version != *commit.terms.if_version);
  switch (commit.kind) {
    case ChangeKind::put:
      return refusal_of_put(commit);
    case ChangeKind::rename:
      return refusal_of_rename(commit);
    case ChangeKind::make_directory:
      return refusal_of_directory(commit);
    case ChangeKind::remove:
      if (wrong_version) return Code::condition_failed;
      if (node == nullptr) return Code::not_found;
      if (commit.terms.if_absent) return Code::exists;
      if (node->directory && !commit.recursive && !empty(commit.path)) return Code::not_empty;
      return none;
    case ChangeKind::set_attributes:
      if (wrong_version) return Code::condition_failed;
      if (node == nullptr) return Code::not_found;
      return commit.terms.if_absent ? Code::exists : none;
    case ChangeKind::none:
      return Code::bad_message;
  }
  return Code::bad_message;
}

void Model::set(const std::string& path, const State& state, Micros now) {
  if (state)
    nodes_[path] = *state;
  else
    nodes_.erase(path);
  past_[path].push_back({now, state});
}

void Model::move(const std::string& from, const std::string& to, Micros now) {
  std::map<std::string, Node> moved;
  for (const auto& [path, node] : nodes_)
    if (protocol::is_within(path, from)) moved[path] = node;
  for (const auto& [path, node] : moved) set(path, {}, now);
  if (to.empty()) return;
  for (const auto& [path, node] : moved) set(to + path.substr(from.size()), node, now);
}

void Model::apply(const Commit& commit, std::uint64_t number, Micros now) {
  switch (commit.kind) {
    case ChangeKind::put: {
      Node node{false, number, commit.root, commit.preserve.mode};
      if (!node.mode && commit.small) node.mode = 0644;
      return set(commit.path, node, now);
    }
    case ChangeKind::remove:
      return move(commit.path, "", now);
    case ChangeKind::rename:
      if (commit.path == commit.to_path) return;
      return move(commit.path, commit.to_path, now);
    case ChangeKind::make_directory: {
      std::vector<std::string> wanted;
      if (commit.parents) wanted = commit.missing_parents;
      wanted.push_back(commit.path);
      for (const std::string& path : wanted)
        if (at(path) == nullptr) set(path, Node{true, 0, {}, {}}, now);
      return;
    }
    case ChangeKind::set_attributes: {
      Node node = *at(commit.path);
      if (commit.preserve.mode) node.mode = *commit.preserve.mode;
      return set(commit.path, node, now);
    }
    case ChangeKind::none:
      return;
  }
}

std::string Model::difference(const testing::SimStorage& storage) const {
  const auto files = storage.files();
  const auto listed = storage.directories();
  const std::set<std::string> directories(listed.begin(), listed.end());
  for (const auto& [path, node] : nodes_) {
    if (node.directory) {
      if (!directories.contains(path)) return "directory " + path + " is missing";
      continue;
    }
    const auto file = files.find(path);
    if (file == files.end()) return fmt::format("{} version {} is missing", path, node.version);
    if (file->second.version != node.version)
      return fmt::format("{} has version {}, not {}", path, file->second.version, node.version);
    if (protocol::root_of(protocol::leaves_of(file->second.bytes)) != node.root)
      return fmt::format("{} version {} has other bytes ({} of them)", path, node.version,
                         file->second.bytes.size());
    if (node.mode && file->second.mode != *node.mode)
      return fmt::format("{} version {} has mode {:o}, not {:o}", path, node.version,
                         file->second.mode, *node.mode);
  }
  for (const auto& [path, file] : files)
    if (at(path) == nullptr) return fmt::format("{} version {} is too much", path, file.version);
  for (const std::string& path : directories)
    if (at(path) == nullptr) return "directory " + path + " is too much";
  return {};
}

bool Model::was(const std::string& path, Micros from, Micros to,
                const std::function<bool(const State&)>& wanted) const {
  State state;
  if (const auto past = past_.find(path); past != past_.end()) {
    for (const Change& change : past->second) {
      if (change.when > to) break;
      // What a change replaces was still there at the change's own moment.
      if (change.when >= from && wanted(state)) return true;
      state = change.state;
    }
  }
  return wanted(state);
}

bool Model::had_names(const std::string& directory, Micros from, Micros to,
                      const std::set<std::string>& names) const {
  std::set<Micros> moments{from - 1, from, to};
  std::vector<std::pair<std::string, const std::vector<Change>*>> inside;
  for (const auto& [path, past] : past_) {
    if (parent(path) != directory) continue;
    inside.emplace_back(std::string(protocol::name_of(path)), &past);
    for (const Change& change : past)
      if (change.when >= from && change.when <= to) moments.insert({change.when - 1, change.when});
  }
  for (const Micros moment : moments) {
    std::set<std::string> there;
    for (const auto& [name, past] : inside) {
      State state;
      for (const Change& change : *past)
        if (change.when <= moment) state = change.state;
      if (state) there.insert(name);
    }
    if (there == names) return true;
  }
  return false;
}

}  // namespace sluice::sim
