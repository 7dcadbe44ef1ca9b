// See watcher.hpp.
#include "tests/sim/watcher.hpp"

#include "tests/sim/server.hpp"

namespace sluice::sim {

using protocol::ChangeKind;
using protocol::EventKind;
using protocol::Type;

// --- the checker ---

void WatchChecker::begin_life(std::uint64_t first_number) {
  before_first_ = first_number - 1;
  asked_.clear();
  under_way_.clear();
  happened_.clear();
}

void WatchChecker::on_watch(const Message& request) {
  if (const auto watch = protocol::decode<protocol::Watch>(request.body))
    asked_[{request.stamp.session, request.header.request_id}] = watch->after;
}

void WatchChecker::on_publish(const Message& message) {
  if (message.stamp.number == 0) return;
  if (const auto commit = protocol::decode<protocol::Publish>(message.body))
    under_way_[message.stamp.number] = *commit;
}

void WatchChecker::on_published(const Message& message) {
  const auto commit = under_way_.extract(message.stamp.number);
  if (!commit || message.header.type != Type::published) return;
  const auto outcome = protocol::decode<protocol::Published>(message.body);
  if (!outcome || outcome->code != 0 || outcome->remembered) return;
  const protocol::Commit& change = commit.mapped();
  std::vector<Line> lines;
  const auto kind = static_cast<int>(change.kind);
  if (change.kind == ChangeKind::make_directory) {
    for (const std::string& path : outcome->made)
      lines.push_back(fmt::format("{} {} ", kind, path));
  } else if (change.path != change.to_path) {
    lines.push_back(fmt::format("{} {} {}", kind, change.path, change.to_path));
  }
  if (!lines.empty()) happened_[commit.key()] = std::move(lines);
}

void WatchChecker::on_granted(std::uint64_t number) {
  happened_[number] = {"lock"};
}

void WatchChecker::on_told(const Message& message) {
  const auto asked = asked_.find({message.stamp.session, message.header.request_id});
  const auto reply = protocol::decode<protocol::WatchReply>(message.body);
  if (!reply || asked == asked_.end()) throw Violation{"an answer to a watch that nobody asked"};
  if (asked->second)
    check(*reply, *asked->second);
  else if (!reply->events.empty() || reply->gap)
    throw Violation{"a watch that asks for 'now' was told of something"};
  if (!under_way_.empty() && under_way_.begin()->first <= reply->next)
    throw Violation{fmt::format("watchers were told all up to {}, and {} is still under way",
                                reply->next, under_way_.begin()->first)};
}

// Exactly what has happened between `after` and `next`. Releases have numbers that only the lock
// actor knows; all that can be said of them is that they are in order.
void WatchChecker::check(const protocol::WatchReply& reply, std::uint64_t after) const {
  if (reply.gap != (after < before_first_))
    throw Violation{fmt::format("a watch after {} {} a gap, numbers begin behind {}", after,
                                reply.gap ? "was told of" : "should have heard of", before_first_)};
  const std::uint64_t from = std::max(after, before_first_);
  std::map<std::uint64_t, std::vector<Line>> told;
  std::uint64_t last = from;
  for (const auto& event : reply.events) {
    if (event.version < last || event.version <= from || event.version > reply.next)
      throw Violation{fmt::format("event {} of {} after {} in an answer from {} to {}",
                                  event.version, event.path, last, from, reply.next)};
    last = event.version;
    if (event.kind == EventKind::unlock || event.kind == EventKind::convert) continue;
    auto& lines = told[event.version];
    if (event.kind != EventKind::lock)
      lines.push_back(
          fmt::format("{} {} {}", static_cast<int>(event.kind), event.path, event.to_path));
    else if (lines.empty())
      lines = {"lock"};
  }
  const std::map<std::uint64_t, std::vector<Line>> wanted(happened_.upper_bound(from),
                                                          happened_.upper_bound(reply.next));
  if (told == wanted) return;
  for (const auto& [number, lines] : wanted)
    if (!told.contains(number))
      throw Violation{fmt::format("watchers were told all from {} to {}, but not {}: {}", from,
                                  reply.next, number, lines.front())};
  for (const auto& [number, lines] : told)
    if (!wanted.contains(number) || wanted.at(number) != lines)
      throw Violation{fmt::format("watchers were told of {}: {}, which did not happen so", number,
                                  lines.front())};
}

// --- the watcher ---

Watcher::Watcher(World& world, Latency latency, std::function<std::weak_ptr<Router>()> find)
    : world_(world), latency_(latency), find_(std::move(find)) {
  begin_process();
}

Watcher::~Watcher() {
  die();
}

void Watcher::begin_process() {
  ++process_;
  SimSecrets secrets(world_);
  client::SessionConfig config;
  config.secret = secrets.bytes(16);
  config.name = fmt::format("watcher.{}", process_);
  session_ = std::make_unique<client::Session>(config);
  host_ = std::make_shared<Host>(world_, config.name, 200);
  host_->add(*session_);
  host_->route(*session_, Port::application, [this](Message& message) {
    on_answer(message);
    return Sent::done;
  });
  dealers_.clear();
  for (const Port port : {Port::server, Port::server_bulk}) {
    dealers_.push_back(std::make_shared<Dealer>(world_, host_, *session_, port, latency_, find_));
    dealers_.back()->open();
  }
  host_->start();
  ask_later(ms);
}

void Watcher::die() {
  if (host_->dead()) return;
  host_->die();
  for (const auto& dealer : dealers_) dealer->close();
}

void Watcher::ask() {
  const protocol::Watch watch{
      "", true, position_, static_cast<std::uint32_t>(world_.pick(world_.dice(50) ? 100 : 5000))};
  host_->arrive(*session_,
                runtime::make_message({Port::application, {}}, watch, 0, {0, ++handle_, 0}));
}

void Watcher::ask_later(Micros longest) {
  world_.after(world_.delay(0, longest), [this, process = process_] {
    if (process == process_ && !host_->dead()) ask();
  });
}

void Watcher::on_answer(const Message& message) {
  if (message.stamp.job != handle_) return;
  if (message.header.type != Type::watch_reply) return ask_later(second);
  const auto reply = protocol::decode<protocol::WatchReply>(message.body);
  if (!reply) throw Violation{"a watch_reply that cannot be read"};
  world_.trace("{:<10} is told of {} events up to {}{}", host_->name(), reply->events.size(),
               reply->next, reply->gap ? " after a gap" : "");
  for (const auto& event : reply->events)
    if (position_ && event.version <= *position_)
      throw Violation{
          fmt::format("the watcher was told of {} after {}", event.version, *position_)};
  position_ = reply->next;
  if (!world_.dice(1)) return ask_later(world_.dice(10) ? second : ms);
  world_.after(0, [this, process = process_] {
    if (process != process_ || host_->dead()) return;
    world_.trace("{:<10} is killed", host_->name());
    die();
    begin_process();
  });
}

}  // namespace sluice::sim
