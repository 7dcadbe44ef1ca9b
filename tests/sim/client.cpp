// The client's process, and what answers must be. See client.hpp.
#include "tests/sim/client.hpp"

#include "protocol/path.hpp"
#include "protocol/token.hpp"

namespace sluice::sim {

using protocol::Code;
using protocol::Type;

Client::Client(World& world, Machine& machine, const ClientSettings& settings,
               std::function<std::weak_ptr<Router>()> find)
    : world_(world), machine_(machine), settings_(settings), find_(std::move(find)) {
  begin_process();
}

Client::~Client() {
  die();
}

void Client::begin_process() {
  ++process_;
  SimSecrets secrets(world_);
  client::SessionConfig config;
  config.secret = secrets.bytes(16);
  config.name = fmt::format("client{}.{}", settings_.index, process_);
  config.lease_ms = settings_.lease_ms;
  session_number_ = runtime::session_number(config.secret);
  session_ = std::make_unique<client::Session>(config);
  host_ = std::make_shared<Host>(world_, config.name, 200);
  host_->add(*session_);
  host_->route(*session_, Port::application, [this](Message& message) {
    on_answer(std::move(message));
    return Sent::done;
  });
  dealers_.clear();
  for (const Port port : {Port::server, Port::server_bulk}) {
    dealers_.push_back(
        std::make_shared<Dealer>(world_, host_, *session_, port, settings_.latency, find_));
    dealers_.back()->open();
  }
  epoch_ = 0;
  seen_versions_.clear();
  host_->start();
}

void Client::die() {
  if (!host_ || host_->dead()) return;
  world_.trace("{} dies", host_->name());
  machine_.locks.loses_all(session_number_);
  host_->die();
  for (const auto& dealer : dealers_) dealer->close();
  asked_.clear();
  under_way_ = 0;
}

void Client::restart() {
  die();
  begin_process();
}

void Client::say_bye() {
  machine_.locks.loses_all(session_number_);
  ask(protocol::Bye{}, "bye", {});
}

std::string Client::waits_for() const {
  std::string text;
  for (const auto& [handle, asked] : asked_) text += asked.what + "; ";
  return text;
}

void Client::on_answer(Message&& message) {
  // First of all: what a restarted server has answered proves nothing of the locks.
  if (message.stamp.job == 0) on_news(message);
  machine_.locks.proven(session_number_, Time(message.stamp.number));
  if (message.stamp.job == 0) return;
  const auto found = asked_.find(message.stamp.job);
  if (found == asked_.end())
    throw Violation{fmt::format("{} was answered twice: {}", host_->name(), describe(message))};
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  ++answered;
  world_.trace("{:<10} has {} for {}", host_->name(), describe(message), asked.what);
  std::string outcome(protocol::name(asked.type));
  if (message.header.type == Type::error)
    if (const auto error = protocol::decode<protocol::ErrorReply>(message.body))
      outcome += fmt::format(" {}", protocol::name(error->code));
  ++outcomes[outcome];
  if (asked.done) asked.done(message);
}

void Client::on_news(const Message& message) {
  if (message.header.type == Type::renew_lock) {
    const auto confirmed = protocol::decode<protocol::RenewLock>(message.body);
    const auto token = confirmed ? protocol::parse_token(confirmed->token) : std::nullopt;
    if (!token) throw Violation{"a lock was confirmed without a token"};
    machine_.locks.confirmed(session_number_, token->number, Time(message.stamp.number));
  }
  if (message.header.type != Type::welcome) return;
  const auto welcome = protocol::decode<protocol::Welcome>(message.body);
  if (!welcome) return;
  if (epoch_ != 0 && welcome->epoch < epoch_)
    throw Violation{fmt::format("epoch {} came after {}", welcome->epoch, epoch_)};
  if (epoch_ != 0 && welcome->epoch != epoch_)
    machine_.locks.doubts_all(session_number_);
  else if (!welcome->resumed && epoch_ != 0)
    machine_.locks.loses_all(session_number_);
  epoch_ = welcome->epoch;
}

// --- what answers must be ---

void Client::check_change(const Message& reply, const std::string& path, Micros asked) {
  if (reply.header.type == Type::error) return;
  const auto done = protocol::decode<protocol::PutReply>(reply.body);
  acknowledged(path, done ? done->version : 0, asked);
  if (reply.header.type == Type::put_reply) seen_versions_[path] = done->version;
}

void Client::acknowledged(const std::string& path, std::uint64_t version, Micros asked) {
  if (version == 0)
    throw Violation{fmt::format("a change of {} was acknowledged without a version", path)};
  machine_.truth.on_acknowledged(session_number_, path, version, asked);
}

void Client::check_read(const std::string& path, const protocol::GetReply& reply,
                        const std::string& bytes, Micros asked) {
  const auto& attributes = reply.attributes;
  seen_versions_[path] = attributes.version;
  const protocol::Digest root = protocol::root_of(protocol::leaves_of(bytes));
  if (!attributes.root || *attributes.root != root || attributes.size_bytes != bytes.size())
    throw Violation{fmt::format("{} version {} was read with {} bytes that are not its own", path,
                                attributes.version, bytes.size())};
  const auto as_read = [&](const State& state) {
    return state && !state->directory && state->version == attributes.version &&
           state->root == root;
  };
  if (!machine_.truth.model().was(path, asked, world_.now(), as_read))
    throw Violation{fmt::format("{} was read as version {}, which it did not have then", path,
                                attributes.version)};
}

void Client::check_stat(const std::string& path, const Message& reply, Micros asked) {
  const auto stat = protocol::decode<protocol::StatReply>(reply.body);
  if (!stat) throw Violation{"a stat_reply that cannot be read"};
  machine_.histories.saw(path, stat->attributes, asked);
  const bool directory = stat->attributes.kind == protocol::EntryKind::directory;
  const auto as_seen = [&](const State& state) {
    return state && state->directory == directory && state->version == stat->attributes.version;
  };
  if (!machine_.truth.model().was(path, asked, world_.now(), as_seen))
    throw Violation{fmt::format("{} was seen as version {}, which it did not have then", path,
                                stat->attributes.version)};
}

void Client::check_list(const std::string& path, const Message& reply, Micros asked) {
  const auto list = protocol::decode<protocol::ListReply>(reply.body);
  if (!list) throw Violation{"a list_reply that cannot be read"};
  std::set<std::string> names;
  for (const auto& entry : list->entries) names.insert(entry.name);
  if (!machine_.truth.model().had_names(path, asked, world_.now(), names))
    throw Violation{fmt::format("'{}' was listed with {} entries, which it did not have then", path,
                                names.size())};
}

void Client::check_missing(const std::string& path, const protocol::ErrorReply& error,
                           Micros asked) {
  if (error.code != Code::not_found) return;
  machine_.histories.saw_nothing(path, asked);
  const auto absent = [](const State& state) { return !state; };
  if (!machine_.truth.model().was(path, asked, world_.now(), absent))
    throw Violation{fmt::format("{} was not found though it was there", path)};
}

}  // namespace sluice::sim
