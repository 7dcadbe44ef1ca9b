// What carries messages between hosts. `Router` is a ROUTER socket with its peers, `Dealer` a
// DEALER that connects to one: it keeps what it cannot send, loses what is under way when the
// connection breaks, and comes back under a new routing id. `connect_pair` is inproc between two
// actors: nothing is lost or reordered. Read on: host.hpp.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "tests/sim/host.hpp"

namespace sluice::sim {

/// How long a message is under way.
struct Latency {
  Micros from = 5;
  Micros to = 100;
};

/// Connects `a_port` of `a` with `b_port` of `b`, on different hosts that live and die together.
void connect_pair(World& world, Host& a_host, Actor& a, Port a_port, Host& b_host, Actor& b,
                  Port b_port, Latency latency);

class Dealer;

class Router {
 public:
  Router(World& world, std::shared_ptr<Host> host, Actor& actor, Port port);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  Sent send(Message& message);
  Host& host() { return *host_; }
  Actor& actor() { return actor_; }
  Port port() const { return port_; }
  void connected(const std::string& id, std::weak_ptr<Dealer> dealer) {
    peers_[id] = std::move(dealer);
  }
  /// From here on nobody is there under this routing id.
  void forget(const std::string& id) { peers_.erase(id); }

 private:
  World& world_;
  std::shared_ptr<Host> host_;
  Actor& actor_;
  Port port_;
  std::map<std::string, std::weak_ptr<Dealer>> peers_;
};

class Dealer : public std::enable_shared_from_this<Dealer> {
 public:
  /// `find` gives the router to connect to, or nothing while it is not there.
  Dealer(World& world, std::shared_ptr<Host> host, Actor& actor, Port port, Latency latency,
         std::function<std::weak_ptr<Router>()> find);

  /// Begins to connect. Once.
  void open();
  Sent send(Message& message);
  /// The connection is lost, with all that is under way; a new one is tried after about `pause`.
  void break_connection(Micros pause);
  /// This end is no more.
  void close();
  void deliver_here(Message&& message);
  /// The peer takes nothing until then.
  void fill_until(Micros until) { full_until_ = until; }
  bool full() const { return world_.now() < full_until_; }
  Host& host() { return *host_; }

 private:
  void try_to_connect();
  void put_under_way(Message&& message);

  World& world_;
  std::shared_ptr<Host> host_;
  Actor& actor_;
  Port port_;
  Latency latency_;
  std::function<std::weak_ptr<Router>()> find_;
  std::weak_ptr<Router> router_;
  bool closed_ = false;
  bool connected_ = false;
  // Counts connections: what belongs to an older one is lost.
  std::uint64_t connection_ = 0;
  std::string id_;
  std::deque<Message> waiting_;
  Micros last_out_ = 0;
  Micros last_in_ = 0;
  Micros full_until_ = 0;
};

}  // namespace sluice::sim
