// Whether watchers are told everything, once and in order. The checker sits at the lock actor: it
// knows which numbers are at the publisher, what came of them and which locks were granted, and
// each answer must hold exactly that of the numbers it is about. The watcher is a client that asks
// on and on from where the last answer ended, through all that breaks. Read on: run.hpp,
// server.hpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/session.hpp"
#include "protocol/messages/commits.hpp"
#include "protocol/messages/watch.hpp"
#include "tests/sim/link.hpp"

namespace sluice::sim {

class WatchChecker {
 public:
  /// A server has recovered: its numbers begin here, and it knows nothing of smaller ones.
  void begin_life(std::uint64_t first_number);

  // --- at the lock actor ---
  void on_watch(const Message& request);
  void on_publish(const Message& message);
  void on_published(const Message& message);
  void on_granted(std::uint64_t number);
  void on_told(const Message& message);

  /// The largest number that watchers must hear of.
  std::uint64_t last() const { return happened_.empty() ? 0 : happened_.rbegin()->first; }

 private:
  using Line = std::string;
  void check(const protocol::WatchReply& reply, std::uint64_t after) const;

  std::uint64_t before_first_ = 0;
  /// `after` by session and request; none if it was absent.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::optional<std::uint64_t>> asked_;
  std::map<std::uint64_t, protocol::Commit> under_way_;
  /// What must be told, in this life: the paths of commits, "lock" for a grant.
  std::map<std::uint64_t, std::vector<Line>> happened_;
};

/// A client process that watches the whole tree. It is killed now and then, and goes on where it
/// was.
class Watcher {
 public:
  Watcher(World& world, Latency latency, std::function<std::weak_ptr<Router>()> find);
  ~Watcher();

  void die();
  Host& host() { return *host_; }
  const std::vector<std::shared_ptr<Dealer>>& dealers() const { return dealers_; }
  /// Up to where it knows everything.
  std::uint64_t position() const { return position_.value_or(0); }

 private:
  void begin_process();
  void ask();
  void ask_later(Micros longest);
  void on_answer(const Message& message);

  World& world_;
  Latency latency_;
  std::function<std::weak_ptr<Router>()> find_;
  std::unique_ptr<client::Session> session_;
  std::shared_ptr<Host> host_;
  std::vector<std::shared_ptr<Dealer>> dealers_;
  std::optional<std::uint64_t> position_;
  std::uint64_t process_ = 0;
  std::uint64_t handle_ = 0;
};

}  // namespace sluice::sim
