// Locks as ZooKeeper's documentation has them. A key of each client's own: an ephemeral znode is
// made and deleted. One key for all: an ephemeral, sequential znode; the lowest holds the lock,
// each of the others watches the one before it. One thread drives the sessions of the
// single-threaded C client. See load.hpp.
#include <fmt/format.h>
#include <poll.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/peers/load.hpp"
#include "runtime/poller.hpp"

namespace sluice::bench::peers {
namespace {

constexpr int session_ms = 30'000;
constexpr std::chrono::seconds answer_time{10};

struct CloseSession {
  void operator()(zhandle_t* session) const { zookeeper_close(session); }
};

class Run;

struct Client {
  Run* run = nullptr;
  std::unique_ptr<zhandle_t, CloseSession> session;
  std::string own_path;
  /// The znode that was made, without its directory.
  std::string node;
  Clock::time_point asked_at;
};

void check(int status, const std::string& what) {
  if (status != ZOK) throw std::runtime_error(what + ": " + zerror(status));
}

// False at the end, when the session is closed over the call.
bool goes_on(int status, const std::string& call) {
  if (status != ZCLOSING) check(status, call);
  return status == ZOK;
}

// Lets the library do what is due, waiting for the server if nothing is.
void turn(zhandle_t* session) {
  pollfd wanted{};
  int interest = 0;
  timeval time{};
  const int status = zookeeper_interest(session, &wanted.fd, &interest, &time);
  if (status != ZOK && status != ZNOTHING) check(status, "connecting");
  wanted.events = static_cast<short>(((interest & ZOOKEEPER_READ) != 0 ? POLLIN : 0) |
                                     ((interest & ZOOKEEPER_WRITE) != 0 ? POLLOUT : 0));
  poll(&wanted, 1, 100);
  const int found = ((wanted.revents & (POLLIN | POLLHUP | POLLERR)) != 0 ? ZOOKEEPER_READ : 0) |
                    ((wanted.revents & POLLOUT) != 0 ? ZOOKEEPER_WRITE : 0);
  zookeeper_process(session, found);
}

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options), contended_(options.op == "lock-contended"), tally_(options) {}

  Result run() {
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    directory_ = "/" + fresh_prefix();
    clients_.resize(options_.clients);
    for (std::size_t i = 0; i < clients_.size(); ++i) connect(clients_[i], i);
    make_directory();
    for (Client& client : clients_) watch(client);
    const auto acquire_all = [this] {
      for (Client& client : clients_) acquire(client);
    };
    drive(poller_, tally_, acquire_all, [this] {
      for (Client& client : clients_) give_sign(client);
    });
    return tally_.result();
  }

 private:
  void connect(Client& client, std::size_t index) {
    client.run = this;
    client.own_path = fmt::format("{}/{}", directory_, index);
    client.session.reset(zookeeper_init(
        options_.server.c_str(), [](zhandle_t*, int, int, const char*, void*) {}, session_ms,
        nullptr, nullptr, 0));
    if (!client.session) throw std::runtime_error("not a server's address");
    const auto give_up = Clock::now() + answer_time;
    while (zoo_state(client.session.get()) != ZOO_CONNECTED_STATE) {
      turn(client.session.get());
      if (Clock::now() > give_up) throw std::runtime_error("the server does not answer");
    }
  }

  void make_directory() {
    struct Made {
      bool is = false;
      int status = ZOK;
    } made;
    zhandle_t* session = clients_[0].session.get();
    check(zoo_acreate(
              session, directory_.c_str(), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0,
              [](int status, const char*, const void* data) {
                *static_cast<Made*>(const_cast<void*>(data)) = {true, status};
              },
              &made),
          directory_);
    while (!made.is) turn(session);
    check(made.status, directory_);
  }

  void watch(Client& client) {
    int fd = -1;
    int interest = 0;
    timeval time{};
    check(zookeeper_interest(client.session.get(), &fd, &interest, &time), "a session");
    poller_.watch(fd, [&client] {
      // Half an answer is nothing yet.
      const int status = zookeeper_process(client.session.get(), ZOOKEEPER_READ);
      if (status != ZNOTHING) check(status, "a session");
    });
  }

  // Sends the library's pings, when they are due.
  static void give_sign(Client& client) {
    int fd = -1;
    int interest = 0;
    timeval time{};
    check(zookeeper_interest(client.session.get(), &fd, &interest, &time), "a session");
  }

  static Client& client_of(const void* data) {
    return *static_cast<Client*>(const_cast<void*>(data));
  }

  void acquire(Client& client) {
    if (tally_.ending()) return;
    tally_.asked();
    client.asked_at = Clock::now();
    const std::string path = contended_ ? directory_ + "/lock-" : client.own_path;
    const int flags = contended_ ? ZOO_EPHEMERAL | ZOO_SEQUENCE : ZOO_EPHEMERAL;
    check(zoo_acreate(
              client.session.get(), path.c_str(), "", 0, &ZOO_OPEN_ACL_UNSAFE, flags,
              [](int status, const char* made, const void* data) {
                if (!goes_on(status, "create")) return;
                Client& of = client_of(data);
                of.run->on_made(of, made);
              },
              &client),
          path);
  }

  void on_made(Client& client, const char* path) {
    client.node = std::string(path).substr(directory_.size() + 1);
    contended_ ? look(client) : hold(client);
  }

  void look(Client& client) {
    check(zoo_aget_children(
              client.session.get(), directory_.c_str(), 0,
              [](int status, const String_vector* nodes, const void* data) {
                if (!goes_on(status, "get_children")) return;
                Client& of = client_of(data);
                of.run->on_nodes(of, *nodes);
              },
              &client),
          directory_);
  }

  void on_nodes(Client& client, const String_vector& nodes) {
    std::string before;
    for (int i = 0; i < nodes.count; ++i)
      if (client.node > nodes.data[i] && before < nodes.data[i]) before = nodes.data[i];
    if (before.empty()) return hold(client);
    const std::string path = directory_ + "/" + before;
    check(zoo_awexists(
              client.session.get(), path.c_str(),
              [](zhandle_t*, int type, int, const char*, void* data) {
                Client& of = client_of(data);
                if (type == ZOO_DELETED_EVENT) of.run->look(of);
              },
              &client,
              [](int status, const Stat*, const void* data) {
                Client& of = client_of(data);
                if (status == ZNONODE) return of.run->look(of);
                goes_on(status, "exists");
              },
              &client),
          path);
  }

  void hold(Client& client) {
    tally_.done(client.asked_at);
    tally_.asked();
    const std::string path = directory_ + "/" + client.node;
    check(zoo_adelete(
              client.session.get(), path.c_str(), -1,
              [](int status, const void* data) {
                if (!goes_on(status, "delete")) return;
                Client& of = client_of(data);
                of.run->tally_.released();
                if (of.run->options_.await_release) of.run->acquire(of);
              },
              &client),
          path);
    if (!options_.await_release) acquire(client);
  }

  const Options& options_;
  bool contended_;
  Tally tally_;
  std::string directory_;
  std::vector<Client> clients_;
  runtime::Poller poller_;
};

}  // namespace

const std::vector<std::string> operations = {"lock", "lock-contended"};

Result run_load(const Options& options) {
  return Run(options).run();
}

}  // namespace sluice::bench::peers
