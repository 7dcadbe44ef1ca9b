// A lock actor with everybody around it played by the test: two clients behind the broker, two
// workers, the publisher. Numbers begin at 101, secrets are counted. Read on:
// tests/support/actor_probe.hpp.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/locks/lock_actor.hpp"
#include "protocol/messages/workers.hpp"
#include "tests/support/actor_probe.hpp"
#include "tests/support/sim_journal.hpp"

namespace sluice::tests {

namespace locks = broker::locks;
using protocol::Code;
using runtime::Message;
using runtime::Peer;
using runtime::Port;
using runtime::Time;

class CountedSecrets final : public runtime::Secrets {
 public:
  std::string bytes(std::size_t size) override {
    std::string bytes(size, '\0');
    bytes.back() = static_cast<char>(++count_);
    return bytes;
  }

 private:
  unsigned char count_ = 0;
};

inline constexpr std::uint64_t ann = 0xa;
inline constexpr std::uint64_t bob = 0xb;
inline constexpr std::uint64_t cid = 0xc;

/// Whether the sentence has this part.
inline bool says(std::string_view sentence, std::string_view part) {
  return sentence.find(part) != std::string_view::npos;
}

class LockRoom {
 public:
  explicit LockRoom(std::uint64_t reserved_up_to = 10'000'000,
                    locks::LockDurability durability = locks::LockDurability::relaxed)
      : LockRoom({7, 101, reserved_up_to, 10'000, durability, wall_ms},
                 std::make_shared<testing::SimJournal>()) {}
  /// The next life of a server, with what its journal has kept; numbers begin at 1,000,001. After a
  /// reboot what was not synced may be missing, though here it is not.
  static LockRoom after(const LockRoom& before, bool reboot, Time downtime = Time{1'000},
                        std::optional<locks::LockDurability> durability = {}) {
    locks::LockConfig config = before.config_;
    config.first_number = 1'000'001;
    config.durability = durability.value_or(config.durability);
    if (reboot) before.files->reboot();
    // The clock of a process begins where it likes; the wall clock goes on.
    const auto wall = before.config_.wall_ms_at_zero +
                      static_cast<std::uint64_t>((before.probe.now() + downtime).count());
    config.wall_ms_at_zero = wall - 1'000'000;
    return LockRoom(config, before.files);
  }

  const Peer broker{Port::broker, {}};
  const Peer publisher{Port::publisher, {}};
  const Peer worker{Port::workers, "worker one"};
  const Peer other_worker{Port::workers, "worker two"};

  void alive(std::uint64_t session, const std::string& name, std::uint32_t lease_ms = 10'000) {
    probe.tell(broker, protocol::SessionAlive{name, lease_ms}, 0, {session, 0, 0});
  }
  void end(std::uint64_t session, bool bye) {
    probe.tell(broker, protocol::SessionEnded{bye}, 0, {session, 0, 0});
  }
  /// A client's request, as the broker forwards it: job = 1000 + request id.
  template <protocol::Fields M>
  void ask(std::uint64_t session, std::uint64_t request_id, const M& body) {
    probe.tell(broker, body, request_id, {session, 1000 + request_id, 0});
  }
  void acquire(std::uint64_t session, std::uint64_t request_id, const std::string& path,
               std::uint32_t wait_ms = 0, std::uint32_t ttl_ms = 0) {
    ask(session, request_id, protocol::AcquireLock{{{path}}, wait_ms, ttl_ms});
  }
  /// The token of a grant that must come now.
  std::string granted() { return probe.expect<protocol::AcquireLockReply>(broker).body.token; }
  std::string lock(std::uint64_t session, std::uint64_t request_id, const std::string& path,
                   std::uint32_t ttl_ms = 0) {
    acquire(session, request_id, path, 0, ttl_ms);
    return granted();
  }
  /// What holders were told of locks they have lost: "SESSION lost NUMBER: CODE".
  std::vector<std::string> losses() {
    std::vector<std::string> told;
    for (const Message& message : std::exchange(lost_, {})) {
      const auto lost = protocol::decode<protocol::LockLost>(message.body);
      REQUIRE(lost);
      REQUIRE(message.peer == broker);
      REQUIRE(message.header.request_id == 0);
      told.push_back(fmt::format("{:x} lost {}: {}", message.stamp.session, lost->number,
                                 protocol::name(lost->code)));
    }
    return told;
  }
  protocol::ErrorReply refused(Code code) { return probe.expect_error(broker, code).body; }
  /// Who asks for lists: asking is a sign of life.
  static constexpr std::uint64_t looker = 77;
  std::vector<protocol::LockEntry> list(const std::string& path = {}) {
    ask(looker, 9999, protocol::ListLocks{path, 0});
    return probe.expect<protocol::ListLocksReply>(broker).body.locks;
  }

  void share(std::uint64_t session, std::uint64_t request_id, const std::string& path,
             std::uint32_t wait_ms = 0) {
    ask(session, request_id, protocol::AcquireLock{{{path, false, true}}, wait_ms, 0});
  }
  void upgrade(std::uint64_t session, std::uint64_t request_id, const std::string& token,
               std::uint32_t wait_ms = 0) {
    ask(session, request_id, protocol::ConvertLock{token, false, wait_ms});
  }
  void downgrade(std::uint64_t session, std::uint64_t request_id, const std::string& token) {
    ask(session, request_id, protocol::ConvertLock{token, true, 0});
    probe.expect<protocol::ConvertLockReply>(broker);
  }
  void converted(std::uint64_t session) {
    CHECK(probe.expect<protocol::ConvertLockReply>(broker).message.stamp.session == session);
  }

  void join(const Peer& peer, std::uint64_t number) {
    probe.tell(broker, protocol::WorkerKnown{number});
    probe.tell(peer, protocol::JoinLocks{number, 7});
    probe.expect<protocol::JoinLocksReply>(peer);
  }
  static protocol::Commit put(const std::string& path, std::uint32_t wait_ms = 0,
                              const std::string& token = {}) {
    protocol::Commit commit;
    commit.kind = protocol::ChangeKind::put;
    commit.path = path;
    commit.staged = "staged for " + path;
    commit.terms.wait_ms = wait_ms;
    commit.terms.token = token;
    return commit;
  }
  static protocol::Commit remove(const std::string& path, bool recursive,
                                 const std::string& token = {}) {
    protocol::Commit commit = put(path, 0, token);
    commit.kind = protocol::ChangeKind::remove;
    commit.recursive = recursive;
    return commit;
  }
  static protocol::Commit rename(const std::string& from, const std::string& to,
                                 const std::string& token = {}, bool directory = true) {
    protocol::Commit commit = put(from, 0, token);
    commit.kind = protocol::ChangeKind::rename;
    commit.to_path = to;
    commit.recursive = directory;
    return commit;
  }
  /// A worker's commit: its own handle for it is 5000 + request id.
  void commit(std::uint64_t session, std::uint64_t request_id, const protocol::Commit& body) {
    commit_from(worker, session, request_id, 0, body);
  }
  void commit_from(const Peer& from, std::uint64_t session, std::uint64_t request_id,
                   std::uint16_t attempt, const protocol::Commit& body) {
    probe.tell(from, body, request_id, {session, 5000 + request_id, 0}, attempt,
               protocol::Payload::of("bytes of " + body.path));
  }
  /// What goes to the publisher now, with a number.
  Message published_to() {
    Message message = probe.expect<protocol::Publish>(publisher).message;
    CHECK(message.stamp.number != 0);
    return message;
  }
  /// The question what the outcome was, that must come now; answered with: none.
  void no_outcome() { probe.answer(question(), protocol::Published{}); }
  Message question() {
    Message message = probe.expect<protocol::Publish>(publisher).message;
    CHECK(message.stamp.number == 0);
    CHECK(message.payload.empty());
    return message;
  }
  /// The publisher has done it: the worker is told.
  void done(const Message& publish) {
    protocol::Published outcome;
    outcome.version = publish.stamp.number;
    probe.answer(publish, outcome);
  }
  protocol::CommitReply replied(const Peer& to) {
    return probe.expect<protocol::CommitReply>(to).body;
  }
  /// The worker hears that its commit is refused.
  protocol::CommitReply commit_refused(Code code) {
    auto reply = replied(worker);
    INFO(reply.path << ": " << reply.detail);
    CHECK(name(static_cast<Code>(reply.code)) == name(code));
    CHECK(reply.version == 0);
    return reply;
  }

  /// Syncs of the journal that nobody has answered yet; by default they are answered at once.
  bool hold_syncs = false;
  void synced(bool ok = true) {
    REQUIRE_FALSE(syncs_.empty());
    const Message sync = std::move(syncs_.front());
    syncs_.erase(syncs_.begin());
    const auto body = protocol::decode<protocol::SyncLocks>(sync.body);
    probe.answer(sync, protocol::SyncLocksReply{body->position, ok});
  }
  std::size_t syncs() const { return syncs_.size(); }

 private:
  static constexpr std::uint64_t wall_ms = 1'700'000'000'000;

  static locks::RecoveredLocks recover(testing::SimJournal& files,
                                       const locks::LockConfig& config) {
    const bool relaxed = config.durability == locks::LockDurability::relaxed;
    // The actor's time begins at 1,000 s.
    auto recovered = locks::LockJournal::recover(
        files, {false, relaxed, config.wall_ms_at_zero + 1'000'000, config.lease_ms});
    REQUIRE(recovered);
    CHECK(recovered->damage == "");
    return std::move(*recovered);
  }
  LockRoom(const locks::LockConfig& config, const std::shared_ptr<testing::SimJournal>& journal)
      : LockRoom(config, recover(*journal, config), journal) {}
  LockRoom(const locks::LockConfig& config, const locks::RecoveredLocks& recovered,
           std::shared_ptr<testing::SimJournal> journal)
      : config_(config),
        files(std::move(journal)),
        actor(config_, *files, recovered.end, secrets_),
        probe(actor) {
    probe.drain_after_each = true;
    probe.intercept = [this](Message& message) { return takes(message); };
    actor.restore(recovered.locks, recovered.guard, probe.now());
  }

  bool takes(Message& message) {
    if (message.header.type == protocol::Type::lock_lost) {
      lost_.push_back(std::move(message));
      return true;
    }
    if (message.header.type != protocol::Type::sync_locks) return false;
    syncs_.push_back(std::move(message));
    if (!hold_syncs) synced();
    return true;
  }

  CountedSecrets secrets_;
  locks::LockConfig config_;
  std::vector<Message> lost_;
  std::vector<Message> syncs_;

 public:
  std::shared_ptr<testing::SimJournal> files;
  locks::LockActor actor;
  ActorProbe probe;
};

}  // namespace sluice::tests
