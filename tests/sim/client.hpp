// A client process: the real session actor, and an application above it that does what the dice say
// and checks every answer. Each process is a new session. Read on: workload.cpp (what it does),
// run.hpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/session.hpp"
#include "protocol/messages/batches.hpp"
#include "tests/sim/link.hpp"
#include "tests/sim/server.hpp"

namespace sluice::sim {

struct ClientSettings {
  unsigned index = 0;
  std::vector<std::string> files;
  std::vector<std::string> directories;
  std::uint32_t lease_ms = 0;
  unsigned requests_at_once = 3;
  Latency latency;
  /// What it does of what there is to do, in percent.
  unsigned locks_percent = 15;
  unsigned large_percent = 2;
};

class Client {
 public:
  Client(World& world, Machine& machine, const ClientSettings& settings,
         std::function<std::weak_ptr<Router>()> find);
  ~Client();

  /// Begins so many operations, one after the other or a few at once.
  void work(unsigned operations);
  bool idle() const { return left_ == 0 && under_way_ == 0; }
  std::string waits_for() const;
  /// The process is killed; a new one, with a new session, goes on with the work.
  void restart();
  void stop() { left_ = 0; }
  void say_bye();
  void die();
  bool dead() const { return !host_ || host_->dead(); }
  Host& host() { return *host_; }
  const std::vector<std::shared_ptr<Dealer>>& dealers() const { return dealers_; }
  /// Takes the whole tree for itself, writes, and lets go; `done` then.
  void take_all(std::function<void()> done);

  std::uint64_t answered = 0;
  std::map<std::string, std::uint64_t> outcomes;

 private:
  using Done = std::function<void(const Message&)>;
  struct Asked {
    protocol::Type type{};
    std::string what;
    Micros when = 0;
    Done done;
  };
  struct Held {
    std::string token;
    std::uint64_t number = 0;
    std::vector<protocol::LockClaim> claims;
    Micros asked = 0;
    std::uint64_t agent = 0;
    unsigned changes_left = 0;
    bool old = false;
  };

  // the process
  void begin_process();
  void on_answer(Message&& message);
  void on_news(const Message& message);
  template <protocol::Fields M>
  void ask(const M& body, const std::string& what, Done done, std::string bytes = {},
           std::uint32_t credit = 0, std::uint64_t ids = 0);

  // the workload (workload.cpp)
  void think();
  void begin_one();
  void end_one();
  void put();
  void put_many();
  void upload();
  void upload_chunks(std::shared_ptr<protocol::WriteCommit> commit,
                     std::shared_ptr<std::string> bytes);
  void get();
  void read(std::shared_ptr<std::string> bytes, protocol::GetReply opened, std::string path,
            Micros asked);
  void stat();
  void list();
  void remove();
  void rename();
  void make_directory();
  void copy();
  void set_attributes();
  void lock();
  void look_at_locks();
  void on_granted(std::shared_ptr<Held> held, const Message& reply);
  void change_under(std::shared_ptr<Held> held);
  void convert(std::shared_ptr<Held> held);
  void release(std::shared_ptr<Held> held);
  template <protocol::Fields M>
  void change(const M& body, const std::string& path, Done then = {}, std::string bytes = {});

  // what answers must be
  void check_change(const Message& reply, const std::string& path, Micros asked);
  void acknowledged(const std::string& path, std::uint64_t version, Micros asked);
  void check_read(const std::string& path, const protocol::GetReply& reply,
                  const std::string& bytes, Micros asked);
  void check_stat(const std::string& path, const Message& reply, Micros asked);
  void check_list(const std::string& path, const Message& reply, Micros asked);
  void check_missing(const std::string& path, const protocol::ErrorReply& error, Micros asked);

  std::string some_bytes();
  std::string some_file() { return settings_.files[world_.pick(settings_.files.size())]; }
  std::string some_directory() {
    return settings_.directories[world_.pick(settings_.directories.size())];
  }
  std::string some_path() { return world_.dice(75) ? some_file() : some_directory(); }
  protocol::Terms some_terms(const std::string& path);
  /// Mostly a thread of work of its own, so that what others of the session hold makes no deadlock.
  std::uint64_t some_agent() { return world_.dice(80) ? ++last_agent_ : 0; }

  World& world_;
  Machine& machine_;
  ClientSettings settings_;
  std::function<std::weak_ptr<Router>()> find_;

  std::unique_ptr<client::Session> session_;
  std::shared_ptr<Host> host_;
  std::vector<std::shared_ptr<Dealer>> dealers_;
  std::uint64_t session_number_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t process_ = 0;
  std::map<std::uint64_t, Asked> asked_;
  std::uint64_t last_handle_ = 0;

  unsigned left_ = 0;
  unsigned under_way_ = 0;
  bool thinking_ = false;
  std::uint64_t written_ = 0;
  std::uint64_t last_agent_ = 0;
  std::map<std::string, std::uint64_t> seen_versions_;
};

template <protocol::Fields M>
void Client::ask(const M& body, const std::string& what, Done done, std::string bytes,
                 std::uint32_t credit, std::uint64_t ids) {
  const std::uint64_t handle = ++last_handle_;
  Message message = runtime::make_message({Port::application, {}}, body, 0, {ids, handle, 0});
  message.header.credit_bytes = credit;
  message.payload = protocol::Payload::of(std::move(bytes));
  asked_[handle] = {M::type, what, world_.now(), std::move(done)};
  world_.trace("{:<10} wants {} (j{})", host_->name(), what, handle);
  host_->arrive(*session_, std::move(message));
}

}  // namespace sluice::sim
