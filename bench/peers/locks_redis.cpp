// Locks as Redis's documentation has them: SET key token NX PX, and a script that deletes the key
// if it still holds the token. Who finds it taken tries again, at once or after the backoff.
// One thread. See load.hpp.
#include <fmt/format.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "bench/peers/load.hpp"
#include "bench/peers/redis_connection.hpp"
#include "runtime/poller.hpp"

namespace sluice::bench::peers {
namespace {

constexpr const char* release_script =
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) "
    "else return 0 end";

enum class Asked { set, release };

struct Client {
  std::unique_ptr<RedisConnection> connection;
  std::string name;
  std::string key;
  std::string token;
  std::uint64_t round = 0;
  Clock::time_point asked_at;
  /// What the next replies answer.
  std::deque<Asked> asked;
};

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options),
        contended_(options.op == "lock-contended"),
        tally_(options),
        timer_fd_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (timer_fd_ < 0) throw std::system_error(errno, std::generic_category(), "timerfd");
  }
  ~Run() { close(timer_fd_); }

  Result run() {
    const std::string prefix = fresh_prefix();
    clients_.resize(options_.clients);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      Client& client = clients_[i];
      client.connection = std::make_unique<RedisConnection>(options_.server);
      client.name = fmt::format("{}-{}", prefix, i);
      client.key = contended_ ? prefix : client.name;
      poller_.watch(client.connection->fd(), [this, &client] {
        client.connection->read([&](const redisReply& reply) { take(client, reply); });
      });
    }
    clients_[0].connection->add({"SCRIPT", "LOAD", release_script});
    const Reply loaded = clients_[0].connection->answer();
    script_ = std::string(loaded->str, loaded->len);
    poller_.watch(timer_fd_, [this] { try_again(); });
    drive(poller_, tally_, [this] {
      for (Client& client : clients_) acquire(client);
    });
    return tally_.result();
  }

 private:
  void set(Client& client) {
    client.connection->add({"SET", client.key, client.token, "NX", "PX", "30000"});
    client.asked.push_back(Asked::set);
  }

  // Sends what waits to be sent, too.
  void acquire(Client& client) {
    if (tally_.ending()) return client.connection->flush();
    tally_.asked();
    client.asked_at = Clock::now();
    client.token = fmt::format("{}/{}", client.name, ++client.round);
    set(client);
    client.connection->flush();
  }

  void take(Client& client, const redisReply& reply) {
    const Asked asked = client.asked.front();
    client.asked.pop_front();
    asked == Asked::set ? on_set(client, reply) : on_release(client, reply);
  }

  void on_set(Client& client, const redisReply& reply) {
    if (reply.type == REDIS_REPLY_NIL && options_.backoff_ms > 0) return wait(client);
    if (reply.type == REDIS_REPLY_NIL) {
      set(client);
      return client.connection->flush();
    }
    tally_.done(client.asked_at);
    tally_.asked();
    client.connection->add({"EVALSHA", script_, "1", client.key, client.token});
    client.asked.push_back(Asked::release);
    options_.await_release ? client.connection->flush() : acquire(client);
  }

  void on_release(Client& client, const redisReply& reply) {
    reply.integer == 1 ? tally_.released() : tally_.failed("the lock was lost");
    if (options_.await_release) acquire(client);
  }

  void wait(Client& client) {
    waiting_.push_back({Clock::now() + std::chrono::milliseconds(options_.backoff_ms), &client});
    if (waiting_.size() == 1) set_timer();
  }

  void set_timer() const {
    const auto due = waiting_.front().due.time_since_epoch();
    itimerspec at{};
    at.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(due).count();
    at.it_value.tv_nsec = (due % std::chrono::seconds(1)).count();
    timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &at, nullptr);
  }

  void try_again() {
    std::uint64_t times = 0;
    if (read(timer_fd_, &times, sizeof times) < 0) return;
    for (const auto now = Clock::now(); !waiting_.empty() && waiting_.front().due <= now;) {
      Client& client = *waiting_.front().client;
      waiting_.pop_front();
      set(client);
      client.connection->flush();
    }
    if (!waiting_.empty()) set_timer();
  }

  struct Waiting {
    Clock::time_point due;
    Client* client = nullptr;
  };

  const Options& options_;
  bool contended_;
  Tally tally_;
  int timer_fd_;
  std::vector<Client> clients_;
  std::string script_;
  /// The backoff is the same for all, so the first of them is due first.
  std::deque<Waiting> waiting_;
  runtime::Poller poller_;
};

}  // namespace

const std::vector<std::string> operations = {"lock", "lock-contended"};

Result run_load(const Options& options) {
  return Run(options).run();
}

}  // namespace sluice::bench::peers
