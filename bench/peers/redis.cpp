// Locks as Redis's documentation has them: SET key token NX PX, and a script that deletes the key
// if it still holds the token. Who finds it taken tries again, at once or after the backoff.
// One thread. See locks.hpp.
#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "bench/peers/locks.hpp"
#include "runtime/poller.hpp"

namespace sluice::bench::peers {
namespace {

constexpr const char* release_script =
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) "
    "else return 0 end";

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

enum class Asked { set, release };

struct Client {
  std::unique_ptr<redisContext, FreeContext> context;
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
    const auto [host, port] = host_and_port(options_.server);
    clients_.resize(options_.clients);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      Client& client = clients_[i];
      client.context.reset(redisConnect(host.c_str(), port));
      if (!client.context) throw std::runtime_error("no memory");
      check(client);
      client.name = fmt::format("{}-{}", prefix, i);
      client.key = contended_ ? prefix : client.name;
      poller_.watch(client.context->fd, [this, &client] { take(client); });
    }
    const Reply loaded(static_cast<redisReply*>(
        redisCommand(clients_[0].context.get(), "SCRIPT LOAD %s", release_script)));
    check(clients_[0]);
    script_ = std::string(loaded->str, loaded->len);
    poller_.watch(timer_fd_, [this] { try_again(); });
    drive(poller_, tally_, [this] {
      for (Client& client : clients_) acquire(client);
    });
    return tally_.result();
  }

 private:
  static void check(const Client& client) {
    if (client.context->err != 0) throw std::runtime_error(client.context->errstr);
  }

  static void append(Client& client, std::initializer_list<std::string_view> words) {
    std::array<const char*, 8> at;
    std::array<std::size_t, 8> sizes;
    std::size_t count = 0;
    for (const std::string_view word : words) {
      at[count] = word.data();
      sizes[count++] = word.size();
    }
    redisAppendCommandArgv(client.context.get(), static_cast<int>(count), at.data(), sizes.data());
  }

  static void flush(Client& client) {
    for (int done = 0; done == 0;)
      if (redisBufferWrite(client.context.get(), &done) != REDIS_OK) check(client);
  }

  void set(Client& client) {
    append(client, {"SET", client.key, client.token, "NX", "PX", "30000"});
    client.asked.push_back(Asked::set);
  }

  // Sends what waits to be sent, too.
  void acquire(Client& client) {
    if (tally_.ending()) return flush(client);
    tally_.asked();
    client.asked_at = Clock::now();
    client.token = fmt::format("{}/{}", client.name, ++client.round);
    set(client);
    flush(client);
  }

  void take(Client& client) {
    if (redisBufferRead(client.context.get()) != REDIS_OK) check(client);
    for (void* next = nullptr;;) {
      if (redisReaderGetReply(client.context->reader, &next) != REDIS_OK)
        throw std::runtime_error("not a reply of Redis");
      if (next == nullptr) return;
      const Reply reply(static_cast<redisReply*>(next));
      if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(reply->str);
      const Asked asked = client.asked.front();
      client.asked.pop_front();
      if (asked == Asked::set)
        on_set(client, *reply);
      else
        on_release(client, *reply);
    }
  }

  void on_set(Client& client, const redisReply& reply) {
    if (reply.type == REDIS_REPLY_NIL && options_.backoff_ms > 0) return wait(client);
    if (reply.type == REDIS_REPLY_NIL) {
      set(client);
      return flush(client);
    }
    tally_.granted(client.asked_at);
    tally_.asked();
    append(client, {"EVALSHA", script_, "1", client.key, client.token});
    client.asked.push_back(Asked::release);
    options_.await_release ? flush(client) : acquire(client);
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
      flush(client);
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

Result run_locks(const Options& options) {
  return Run(options).run();
}

}  // namespace sluice::bench::peers
