// See truth.hpp.
#include "tests/sim/truth.hpp"

#include <set>

namespace sluice::sim {

using protocol::ChangeKind;
using protocol::Code;

namespace {

// Refusals that depend on the tree alone.
bool is_about_the_tree(Code code) {
  switch (code) {
    case Code::not_found:
    case Code::exists:
    case Code::is_directory:
    case Code::not_directory:
    case Code::not_empty:
    case Code::condition_failed:
      return true;
    default:
      return false;
  }
}

// A rename would have made its bytes durable.
bool keeps_lost(const Model& model, const protocol::Commit& commit,
                const std::set<std::uint64_t>& lost) {
  const auto renamed = model.nodes().find(commit.path);
  return commit.kind == ChangeKind::rename && renamed != model.nodes().end() &&
         lost.contains(renamed->second.version);
}

}  // namespace

void Truth::on_number(std::uint64_t number) {
  if (!numbers_.insert(number).second)
    throw Violation{fmt::format("number {} was given out twice", number)};
}

void Truth::on_publish(const Message& message) {
  if (message.stamp.number == 0) return;
  on_number(message.stamp.number);
  if (message.stamp.number <= last_number_)
    throw Violation{
        fmt::format("commit {} was let through after {}", message.stamp.number, last_number_)};
  last_number_ = message.stamp.number;
  auto commit = protocol::decode<protocol::Publish>(message.body);
  if (!commit) throw Violation{"a commit that cannot be read was let through"};
  pending_[message.stamp.number] = {
      message.stamp.number, {message.stamp.session, message.header.request_id}, std::move(*commit)};
}

void Truth::happened(const Pending& pending) {
  if (doubtful_.erase(pending.request) > 0) done_.erase(pending.request);
  const auto [place, first] = done_.emplace(pending.request, pending.number);
  if (!first)
    throw Violation{fmt::format("request {:x}/{} was done twice: as {} and as {}",
                                pending.request.first, pending.request.second, place->second,
                                pending.number)};
  if (const Code code = model_.refusal(pending.commit); code != Code{})
    throw Violation{fmt::format("commit {} ({}) was done though it was impossible: {}",
                                pending.number, pending.commit.path, protocol::name(code))};
  weigh_durability(pending, model_.nodes().contains(pending.commit.path));
  model_.apply(pending.commit, pending.number, world_.now());
  made_[pending.number] = {world_.now(), pending.request.first, pending.commit.path,
                           pending.commit.to_path};
  undecided_.erase(pending.request);
  if (pending.commit.kind != ChangeKind::put) return;
  roots_made_.insert(pending.commit.root);
  if (roots_refused_.contains(pending.commit.root))
    throw Violation{fmt::format("commit {} ({}) was made after it was refused", pending.number,
                                pending.commit.path)};
}

// Said again here, and not asked of the publisher: what replaces nothing may be lost, until
// something full was logged behind it; the bytes of an upload until it is renamed.
void Truth::weigh_durability(const Pending& pending, bool replaces) {
  const protocol::Commit& commit = pending.commit;
  if (commit.kind == ChangeKind::put && !replaces &&
      is_relaxed(commit.terms.durability, relaxed_server_)) {
    losable_[pending.number] = pending;
    ++relaxed_count_;
    return;
  }
  std::erase_if(losable_, [](const auto& entry) { return !entry.second.commit.unsynced; });
  const auto renamed = model_.nodes().find(commit.path);
  if (commit.kind == ChangeKind::rename && renamed != model_.nodes().end())
    losable_.erase(renamed->second.version);
}

void Truth::lose(std::uint64_t version) {
  const Pending pending = losable_.at(version);
  losable_.erase(version);
  done_.erase(pending.request);
  roots_made_.erase(pending.commit.root);
  const bool may_be_repeated = !made_.at(version).acknowledged;
  for (const auto& [path, node] : model_.nodes()) {
    if (node.version != version) continue;
    ++lost_count_;
    if (on_lost) on_lost(path, may_be_repeated ? &pending.commit.root : nullptr);
    return model_.lose(std::string(path), world_.now());
  }
  // Something else had taken its place: nobody looks whether it is whole.
  undecided_[pending.request] = version;
}

void Truth::must_not_see(const protocol::Digest& root) {
  roots_refused_.insert(root);
  if (roots_made_.contains(root)) throw Violation{"a put was refused although it was made"};
}

bool Truth::may_have_happened(const Request& request, std::uint64_t version) {
  const auto found = undecided_.find(request);
  if (found == undecided_.end() || found->second != version) return false;
  done_.emplace(request, version);
  undecided_.erase(found);
  return true;
}

void Truth::failed(const Pending& pending, const protocol::Published& outcome) {
  const auto code = static_cast<Code>(outcome.code);
  // What was weighed behind it was weighed against a tree that may come about after a restart.
  if (code == Code::log_failed) disk_failed_ = world_.now();
  if (code == Code::log_failed) return;  // it may yet have happened: stays pending
  if (doubtful_.erase(pending.request) > 0) {
    done_.erase(pending.request);
    roots_made_.erase(pending.commit.root);
  }
  if (done_.contains(pending.request))
    throw Violation{fmt::format("request {:x}/{} was done, and then refused: {}",
                                pending.request.first, pending.request.second,
                                protocol::name(code))};
  // A remembered refusal need not hold any more.
  const bool first = refused_.emplace(pending.request, outcome.code).second;
  if (first && disk_failed_ != world_.now() && is_about_the_tree(code) &&
      pending.commit.kind != ChangeKind::none && model_.refusal(pending.commit) == Code{})
    throw Violation{fmt::format("commit {} ({}) was refused though it was possible: {}",
                                pending.number, pending.commit.path, protocol::name(code))};
}

void Truth::on_published(const Message& message) {
  const std::uint64_t number = message.stamp.number;
  if (number == 0) return;
  const auto outcome = protocol::decode<protocol::Published>(message.body);
  const auto found = pending_.find(number);
  if (!outcome || found == pending_.end())
    throw Violation{fmt::format("an outcome of {} that nobody asked for", number)};
  const Pending pending = found->second;
  if (static_cast<Code>(outcome->code) != Code::log_failed) pending_.erase(found);
  if (outcome->code != 0) return failed(pending, *outcome);
  if (outcome->version == number) return happened(pending);
  // The first outcome of a repeated request, or of one that was only asked about.
  if (outcome->version == 0 && pending.commit.kind == ChangeKind::none) return;
  const auto done = done_.find(pending.request);
  if ((done == done_.end() || done->second != outcome->version) &&
      !may_have_happened(pending.request, outcome->version))
    throw Violation{fmt::format("request {:x}/{} is said to have been done as {}, which is not so",
                                pending.request.first, pending.request.second, outcome->version)};
}

void Truth::on_server_gone() {
  std::erase_if(pending_,
                [](const auto& entry) { return entry.second.commit.kind == ChangeKind::none; });
}

// Of the open commits, which first ones make the tree what it is? `but` is left out.
Truth::Guess Truth::guess(const testing::SimStorage& storage, const std::set<std::uint64_t>& but,
                          const std::set<std::uint64_t>& lost) const {
  Guess guess;
  Model tried = model_;
  // What was decided before the power went saw what it took.
  const auto agrees = [&] {
    Model after = tried;
    for (const auto& [path, node] : tried.nodes())
      if (lost.contains(node.version)) after.lose(path, world_.now());
    return after.difference(storage).empty();
  };
  std::set<Request> requests;
  // A record is lost with all behind it.
  std::uint64_t log_end = ~std::uint64_t{0};
  for (const std::uint64_t version : lost)
    if (const auto made = losable_.find(version);
        made != losable_.end() && !made->second.commit.unsynced)
      log_end = std::min(log_end, version);
  for (const auto& [path, file] : storage.files())
    if (file.version > log_end) return guess;
  if (agrees()) guess.fewest = 0;
  for (const auto& [number, pending] : pending_) {
    if (but.contains(number) || done_.contains(pending.request) ||
        requests.contains(pending.request) || tried.refusal(pending.commit) != Code{})
      continue;
    if (number > log_end || keeps_lost(tried, pending.commit, lost)) break;
    tried.apply(pending.commit, number, world_.now());
    guess.possible.push_back(pending);
    requests.insert(pending.request);
    if (!agrees()) continue;
    guess.most = guess.possible.size();
    if (!guess.fewest) guess.fewest = guess.most;
  }
  return guess;
}

void Truth::on_recovered(const testing::SimStorage& storage, bool disk_failed, bool power) {
  // Relaxed puts that are not there any more: made ones, and open ones.
  std::set<std::uint64_t> there;
  for (const auto& [path, file] : storage.files()) there.insert(file.version);
  std::vector<std::uint64_t> missing;
  for (const auto& [path, node] : model_.nodes())
    if (power && losable_.contains(node.version) && !there.contains(node.version))
      missing.push_back(node.version);
  for (const auto& [number, pending] : pending_)
    if (power && pending.commit.unsynced && !there.contains(number)) missing.push_back(number);
  missing.resize(std::min<std::size_t>(missing.size(), 6));
  // The log keeps the order: some of the first ones happened, and none behind them.
  Guess found;
  std::set<std::uint64_t> lost;
  const auto chosen = [&](std::uint64_t choice) {
    std::set<std::uint64_t> some;
    for (std::size_t i = 0; i < missing.size(); ++i)
      if ((choice >> i & 1) != 0) some.insert(missing[i]);
    return some;
  };
  // All of them first: what else may have made them go is left open then.
  std::vector<Guess> others;
  std::set<std::uint64_t> not_surely_lost;
  for (std::uint64_t choice = std::uint64_t{1} << missing.size(); choice-- > 0;) {
    if (found.fewest) {
      const auto other = chosen(choice);
      others.push_back(guess(storage, {}, other));
      if (others.back().fewest)
        std::set_difference(lost.begin(), lost.end(), other.begin(), other.end(),
                            std::inserter(not_surely_lost, not_surely_lost.end()));
      continue;
    }
    lost = chosen(choice);
    found = guess(storage, {}, lost);
    for (auto left_out = pending_.begin();
         disk_failed && !found.fewest && left_out != pending_.end(); ++left_out) {
      found = guess(storage, {left_out->first}, lost);
    }
  }
  // Another choice may explain the same tree.
  disk_failed = disk_failed || !missing.empty();
  if (!found.fewest)
    throw Violation{fmt::format("after recovery the tree is wrong: {} ({} commits were open)",
                                model_.difference(storage), pending_.size())};
  for (std::size_t i = 0; i < *found.fewest; ++i) {
    happened(found.possible[i]);
    if (disk_failed) doubtful_.insert(found.possible[i].request);
  }
  for (const std::uint64_t version : lost) {
    const auto put = losable_.find(version);
    if (put == losable_.end()) continue;
    // Made, and then removed by what was open.
    if (not_surely_lost.contains(version)) undecided_[put->second.request] = version;
    lose(version);
  }
  const auto may_have_happened = [this](const Guess& guess, std::size_t from) {
    for (std::size_t i = from; i < guess.most; ++i) {
      const Pending& pending = guess.possible[i];
      if (done_.contains(pending.request)) continue;
      undecided_[pending.request] = pending.number;
      made_[pending.number] = {world_.now(), pending.request.first, pending.commit.path,
                               pending.commit.to_path};
    }
  };
  may_have_happened(found, *found.fewest);
  for (const Guess& other : others)
    if (other.fewest) may_have_happened(other, 0);
  // One that came to nothing may stand before others that left no trace.
  if (disk_failed)
    for (const auto& [number, pending] : pending_)
      if (const Guess other = guess(storage, {number}); other.fewest) may_have_happened(other, 0);
  pending_.clear();
  refused_.clear();
  // The tree was synced.
  losable_.clear();
}

void Truth::check_tree(const testing::SimStorage& storage, const std::string& when) const {
  if (const std::string difference = model_.difference(storage); !difference.empty())
    throw Violation{fmt::format("{}: {}", when, difference)};
}

void Truth::on_acknowledged(std::uint64_t session, const std::string& path, std::uint64_t version,
                            Micros asked) {
  const auto found = made_.find(version);
  if (found == made_.end())
    throw Violation{
        fmt::format("a change of {} was acknowledged as {}, which was never made", path, version)};
  Made& made = found->second;
  if (made.session != session || (made.path != path && made.to_path != path))
    throw Violation{fmt::format("a change of {} was acknowledged as {}, which is of {}", path,
                                version, made.path)};
  if (made.acknowledged)
    throw Violation{fmt::format("{} was acknowledged to two requests", version)};
  if (made.when < asked)
    throw Violation{fmt::format("{} was made before it was asked for", version)};
  made.acknowledged = true;
}

}  // namespace sluice::sim
