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
Truth::Guess Truth::guess(const testing::SimStorage& storage, std::uint64_t but) const {
  Guess guess;
  Model tried = model_;
  std::set<Request> requests;
  if (tried.difference(storage).empty()) guess.fewest = 0;
  for (const auto& [number, pending] : pending_) {
    if (number == but || done_.contains(pending.request) || requests.contains(pending.request) ||
        tried.refusal(pending.commit) != Code{})
      continue;
    tried.apply(pending.commit, number, world_.now());
    guess.possible.push_back(pending);
    requests.insert(pending.request);
    if (!tried.difference(storage).empty()) continue;
    guess.most = guess.possible.size();
    if (!guess.fewest) guess.fewest = guess.most;
  }
  return guess;
}

void Truth::on_recovered(const testing::SimStorage& storage, bool disk_failed) {
  // The log keeps the order: some of the first ones happened, and none behind them.
  Guess found = guess(storage, 0);
  for (auto left_out = pending_.begin(); disk_failed && !found.fewest && left_out != pending_.end();
       ++left_out)
    found = guess(storage, left_out->first);
  if (!found.fewest)
    throw Violation{fmt::format("after recovery the tree is wrong: {} ({} commits were open)",
                                model_.difference(storage), pending_.size())};
  for (std::size_t i = 0; i < *found.fewest; ++i) {
    happened(found.possible[i]);
    if (disk_failed) doubtful_.insert(found.possible[i].request);
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
  // One that came to nothing may stand before others that left no trace.
  if (disk_failed)
    for (const auto& [number, pending] : pending_)
      if (const Guess other = guess(storage, number); other.fewest) may_have_happened(other, 0);
  pending_.clear();
  refused_.clear();
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
