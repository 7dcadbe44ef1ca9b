// A publisher over the simulated disk, told what to do one commit at a time. Test thread only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/publisher/checkpointer.hpp"
#include "broker/publisher/publisher.hpp"
#include "protocol/digest.hpp"
#include "storage/names.hpp"
#include "tests/support/actor_probe.hpp"
#include "tests/support/sim_storage.hpp"

namespace sluice::tests {

using namespace broker::publisher;  // NOLINT(google-build-using-namespace)
using protocol::ChangeKind;
using protocol::Code;
using protocol::Commit;
using protocol::Publish;
using protocol::Published;
using runtime::Port;

inline const runtime::Peer locks{Port::locks, {}};
inline const runtime::Peer checkpointer{Port::checkpointer, {}};

/// Counts what the log is asked to do, and lets a test look at the moment of a sync.
class WatchedLog final : public storage::LogFiles {
 public:
  explicit WatchedLog(storage::LogFiles& files) : files_(files) {}
  int starts = 0, appends = 0, syncs = 0;
  std::function<void()> at_sync = [] {};

  protocol::Result<std::vector<std::uint64_t>> segments() override { return files_.segments(); }
  protocol::Result<std::string> read(std::uint64_t generation) override {
    return files_.read(generation);
  }
  protocol::Result<void> start(std::uint64_t generation) override {
    ++starts;
    return files_.start(generation);
  }
  protocol::Result<void> reserve(std::uint64_t bytes) override { return files_.reserve(bytes); }
  protocol::Result<void> append(std::string_view bytes) override {
    ++appends;
    return files_.append(bytes);
  }
  protocol::Result<void> sync() override {
    ++syncs;
    at_sync();
    return files_.sync();
  }
  protocol::Result<void> drop_before(std::uint64_t generation) override {
    return files_.drop_before(generation);
  }
  std::uint64_t share_bytes() const override { return files_.share_bytes(); }
  void make_room() override { files_.make_room(); }

 private:
  storage::LogFiles& files_;
};

struct Fixture {
  virtual ~Fixture() = default;
  testing::SimFaults faults;
  testing::SimStorage storage{&faults};
  testing::SimLogFiles files{&faults};
  WatchedLog log{files};
  std::optional<Publisher> publisher;
  std::optional<ActorProbe> probe;
  std::uint64_t session = 7;
  std::uint64_t number = 0;
  std::uint64_t request = 0;
  std::vector<std::string> notes;
  /// What syncing the lock journal comes to, and how often it was asked for.
  protocol::Result<void> lock_sync;
  unsigned lock_syncs = 0;
  protocol::Result<void> sync_locks() {
    ++lock_syncs;
    return lock_sync;
  }

  /// Starts the server: replay, then a publisher.
  protocol::Result<Recovered> start(const PublisherConfig& config = {}) {
    probe.reset();
    publisher.reset();
    auto recovered = recover(storage, log);
    if (!recovered) return recovered;
    auto told = *std::move(recovered);
    notes = told.notes;
    number = told.first_number - 1;
    Recovered seen;
    seen.epoch = told.epoch;
    seen.first_number = told.first_number;
    seen.reserved_up_to = told.reserved_up_to;
    seen.generation = told.generation;
    seen.changes = told.changes;
    publisher.emplace(
        config, storage, log, [this] { return sync_locks(); }, std::move(told));
    probe.emplace(*publisher);
    return seen;
  }
  /// The process is killed.
  void crash() {
    probe.reset();
    publisher.reset();
    faults.clear();
    storage.crash();
    files.crash();
  }
  void power_loss(testing::Random& random) {
    crash();
    storage.power_loss(random);
    files.power_loss(random);
  }

  /// Hands over a commit under the next number and request id; gives the number.
  std::uint64_t send(const Commit& commit, protocol::Payload payload = {}) {
    return send_as(commit, ++request, ++number, std::move(payload));
  }
  std::uint64_t send_as(const Commit& commit, std::uint64_t request_id, std::uint64_t as_number,
                        protocol::Payload payload = {}) {
    Publish publish;
    static_cast<Commit&>(publish) = commit;
    auto message =
        runtime::make_message(locks, publish, request_id, {session, request_id + 1000, as_number});
    message.payload = std::move(payload);
    deliver(std::move(message));
    return as_number;
  }
  std::uint64_t send_put(const std::string& path, const std::string& bytes,
                         const protocol::Terms& terms = {}) {
    Commit commit = put_commit(path, bytes, terms);
    return send(commit, protocol::Payload::of(bytes));
  }
  /// A small file.
  Commit put_commit(const std::string& path, const std::string& bytes,
                    const protocol::Terms& terms = {}) {
    Commit commit;
    commit.kind = ChangeKind::put;
    commit.path = path;
    commit.terms = terms;
    commit.size_bytes = bytes.size();
    commit.root = protocol::root_of(protocol::leaves_of(bytes));
    commit.small = true;
    return commit;
  }
  /// An upload, whole and synced.
  Commit upload_commit(const std::string& path, const std::string& bytes,
                       const protocol::Terms& terms = {}) {
    Commit commit = {};
    commit.kind = ChangeKind::put;
    commit.path = path;
    commit.terms = terms;
    commit.staged = storage::upload_name(session, "upload" + std::to_string(request + 1));
    commit.size_bytes = bytes.size();
    const std::string leaves = protocol::leaves_of(bytes);
    commit.root = protocol::root_of(leaves);
    // Not inside the macro, which would swallow that the process is killed.
    auto staged = storage.begin_upload(commit.staged, bytes.size());
    if (staged) staged = storage.write_upload(commit.staged, 0, bytes, leaves);
    if (staged) staged = storage.finish_upload(commit.staged, {bytes.size(), commit.root}, {});
    REQUIRE(staged);
    return commit;
  }
  static Commit change(ChangeKind kind, const std::string& path, const std::string& to = {}) {
    Commit commit;
    commit.kind = kind;
    commit.path = path;
    commit.to_path = to;
    // A worker says so of what it saw to be a directory; of a file it changes nothing.
    commit.recursive = kind == ChangeKind::rename;
    return commit;
  }

  Published outcome() { return probe->expect<Published>(locks).body; }
  /// Runs what was sent and gives the one answer.
  Published run() {
    probe->drained();
    return outcome();
  }
  Published put(const std::string& path, const std::string& bytes,
                const protocol::Terms& terms = {}) {
    send_put(path, bytes, terms);
    return run();
  }
  Published upload(const std::string& path, const std::string& bytes,
                   const protocol::Terms& terms = {}) {
    send(upload_commit(path, bytes, terms));
    return run();
  }
  Published rename(const std::string& from, const std::string& to) {
    send(change(ChangeKind::rename, from, to));
    return run();
  }
  Published remove(const std::string& path, bool recursive = false) {
    Commit commit = change(ChangeKind::remove, path);
    commit.recursive = recursive;
    send(commit);
    return run();
  }
  Published make_directory(const std::string& path) {
    send(change(ChangeKind::make_directory, path));
    return run();
  }
  virtual void deliver(runtime::Message&& message) { probe->tell(std::move(message)); }
  /// The checkpointer's answer.
  runtime::Message checkpointed(runtime::Message&& asked) {
    Checkpointer actor(storage);
    runtime::Outbox outbox;
    asked.peer = {Port::publisher, {}};
    actor.on_message(std::move(asked), {}, outbox);
    auto replies = outbox.take();
    REQUIRE(replies.size() == 1);
    replies[0].peer = checkpointer;
    return std::move(replies[0]);
  }
  void serve_checkpoint() {
    auto asked = probe->expect<protocol::Checkpoint>(checkpointer);
    probe->tell(checkpointed(std::move(asked.message)));
  }
  std::optional<std::string> bytes_at(const std::string& path) const {
    const auto files_now = storage.files();
    const auto found = files_now.find(path);
    if (found == files_now.end()) return std::nullopt;
    return found->second.bytes;
  }
  std::uint64_t version_at(const std::string& path) const {
    return storage.files().at(path).version;
  }
};

inline std::string code_of(const Published& outcome) {
  return outcome.code == 0 ? "done" : std::string(name(static_cast<Code>(outcome.code)));
}

}  // namespace sluice::tests
