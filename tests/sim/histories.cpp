// See histories.hpp.
#include "tests/sim/histories.hpp"

#include <algorithm>
#include <set>

#include "protocol/path.hpp"
#include "protocol/token.hpp"

namespace sluice::sim {

using protocol::LockClaim;
using testing::Linearizable;

namespace {

// More than any history needs that can be decided in a moment.
constexpr std::size_t most_configurations = 50'000;

bool is_beneath(const std::string& path, const std::string& above) {
  return path != above && protocol::is_within(path, above);
}

bool covers(const LockClaim& claim, const std::string& path) {
  return claim.path == path || (claim.tree && protocol::is_within(path, claim.path));
}

std::string when(Micros time) {
  return time == testing::open ? "never" : fmt::format("{:.3f}", static_cast<double>(time) / ms);
}

}  // namespace

std::string describe(const PathOperation& operation) {
  static constexpr const char* names[] = {"acquire", "end",   "convert", "write",
                                          "touch",   "aside", "read"};
  std::string text = names[static_cast<std::size_t>(operation.kind)];
  if (operation.shared) text += " shared";
  if (operation.token != 0) text += fmt::format(" {}", operation.token);
  if (operation.kind >= PathOperation::Kind::write)
    text += operation.value == anything ? " anything" : fmt::format(" value {}", operation.value);
  return operation.too_late ? text + " too late" : text;
}

// --- what is recorded ---

std::size_t Histories::add(const protocol::Terms& terms, std::vector<Effect> effects) {
  Change& change = changes_.emplace_back();
  change.asked = world_.now();
  change.effects = std::move(effects);
  if (const auto token = protocol::parse_token(terms.token)) change.token = token->number;
  return changes_.size() - 1;
}

Value Histories::value_of(const protocol::Digest& root) {
  return values_.emplace(root, directory + 1 + values_.size()).first->second;
}

std::size_t Histories::asks(const protocol::Put& put) {
  return add(put.terms, {{put.path, Kind::write, value_of(put.root)}});
}

std::size_t Histories::asks(const protocol::WriteCommit& commit) {
  return add(commit.terms, {{commit.path, Kind::write, value_of(commit.root)}});
}

std::size_t Histories::asks(const protocol::Remove& remove) {
  return add(remove.terms,
             {{remove.path, Kind::write, absent}, {remove.path, Kind::aside, absent, true}});
}

std::size_t Histories::asks(const protocol::Rename& rename) {
  if (rename.path == rename.to_path) return add(rename.terms, {{rename.path, Kind::touch}});
  return add(rename.terms, {{rename.path, Kind::write, absent},
                            {rename.path, Kind::aside, absent, true},
                            {rename.to_path, Kind::write, anything},
                            {rename.to_path, Kind::aside, anything, true}});
}

std::size_t Histories::asks(const protocol::Copy& copy) {
  return add(copy.terms, {{copy.to_path, Kind::write, anything}});
}

std::size_t Histories::asks(const protocol::MakeDirectory& make) {
  std::vector<Effect> effects{{make.path, Kind::write, directory}};
  for (auto above = protocol::parent_of(make.path); !above.empty();
       above = protocol::parent_of(above))
    effects.push_back({std::string(above), Kind::aside, directory});
  return add(make.terms, std::move(effects));
}

std::size_t Histories::asks(const protocol::SetAttributes& set) {
  return add(set.terms, {{set.path, Kind::touch}});
}

void Histories::made(std::size_t change) {
  changes_[change].done = world_.now();
}

void Histories::refused(std::size_t change) {
  changes_[change].refused = true;
}

void Histories::lost(const std::string& path, const protocol::Digest* root) {
  made(add({}, {{path, Kind::aside, absent}}));
  if (root != nullptr) add({}, {{path, Kind::aside, value_of(*root)}});
}

void Histories::saw(const std::string& path, const protocol::Attributes& attributes, Micros asked) {
  if (attributes.kind == protocol::EntryKind::directory)
    reads_.push_back({path, directory, asked, world_.now()});
  else if (attributes.root)
    reads_.push_back({path, value_of(*attributes.root), asked, world_.now()});
}

void Histories::saw_nothing(const std::string& path, Micros asked) {
  reads_.push_back({path, absent, asked, world_.now()});
}

void Histories::granted(std::uint64_t number, const std::vector<LockClaim>& claims, Micros asked) {
  Lock& lock = locks_[number];
  lock.claims = claims;
  lock.asked = asked;
  lock.granted = world_.now();
}

void Histories::releases(std::uint64_t number) {
  locks_.at(number).releasing = world_.now();
}

void Histories::breaks(std::uint64_t number) {
  broken_.emplace(number, world_.now());
}

void Histories::released(std::uint64_t number) {
  locks_.at(number).released = world_.now();
}

std::size_t Histories::converts(std::uint64_t number, bool shared) {
  conversions_.push_back({number, shared, world_.now()});
  return conversions_.size() - 1;
}

void Histories::converted(std::size_t conversion) {
  conversions_[conversion].done = world_.now();
}

void Histories::not_converted(std::size_t conversion) {
  conversions_[conversion].refused = true;
}

// --- what it must be ---

void Histories::add_changes(const std::string& path, std::vector<Call>& calls) const {
  for (const Change& change : changes_) {
    if (change.refused) continue;
    for (const Effect& effect : change.effects) {
      if (effect.beneath ? !is_beneath(path, effect.path) : path != effect.path) continue;
      PathOperation operation{effect.kind, change.token, false, effect.value, false};
      if (const auto lock = locks_.find(change.token); lock != locks_.end())
        operation.too_late = change.asked > lock->second.released;
      calls.push_back({change.asked, change.done, operation});
    }
  }
}

std::vector<Histories::Call> Histories::calls_of(
    const std::string& path, const std::function<Micros(std::uint64_t)>& ended) const {
  std::vector<Call> calls;
  add_changes(path, calls);
  for (const Read& read : reads_)
    if (read.path == path)
      calls.push_back({read.asked, read.seen, {Kind::read, 0, false, read.value, false}});
  for (const auto& [number, lock] : locks_) {
    bool covered = false;
    bool shared = true;
    for (const LockClaim& claim : lock.claims) {
      if (!covers(claim, path)) continue;
      covered = true;
      shared = shared && claim.shared;
    }
    if (!covered) continue;
    calls.push_back({lock.asked, lock.granted, {Kind::acquire, number, shared, absent, false}});
    for (const Conversion& conversion : conversions_)
      if (conversion.number == number && !conversion.refused)
        calls.push_back({conversion.asked,
                         conversion.done,
                         {Kind::convert, number, conversion.shared, absent, false}});
    const PathOperation end{Kind::end, number, false, absent, false};
    const auto broken = broken_.find(number);
    const Micros breaking = broken == broken_.end() ? testing::open : broken->second;
    // A repeated release is taken for done when the server knows the lock no more, so it may have
    // ended before by itself.
    calls.push_back({std::min({lock.releasing, breaking, ended(number)}), lock.released, end});
  }
  return calls;
}

void Histories::check(const std::function<Micros(std::uint64_t)>& ended) {
  std::set<std::string> paths;
  for (const Change& change : changes_)
    for (const Effect& effect : change.effects) paths.insert(effect.path);
  for (const Read& read : reads_) paths.insert(read.path);
  for (const auto& [number, lock] : locks_)
    for (const LockClaim& claim : lock.claims) paths.insert(claim.path);
  for (const std::string& path : paths) {
    const std::vector<Call> calls = calls_of(path, ended);
    operations_ += calls.size();
    const auto found = testing::linearize<PathObject>(calls, {}, most_configurations);
    if (found.verdict == Linearizable::undecided) ++undecided_;
    if (found.verdict != Linearizable::no) continue;
    const auto tell = [&](std::size_t index) {
      return fmt::format("[{} {}] {}", when(calls[index].invoked), when(calls[index].returned),
                         describe(calls[index].operation));
    };
    std::string text =
        fmt::format("the history of '{}' is not linearizable: {} of {} operations are explained",
                    path, found.order.size(), calls.size());
    for (std::size_t i = found.order.size() - std::min<std::size_t>(found.order.size(), 8);
         i < found.order.size(); ++i)
      text += "\n  " + tell(found.order[i]);
    text += "\n and none of these can come next:";
    for (const std::size_t index : found.stuck) text += "\n  " + tell(index);
    throw Violation{text};
  }
}

}  // namespace sluice::sim
