// A session with a scripted server on the other side: what the tests of the session share.
#pragma once

#include <string>
#include <vector>

#include "client/session.hpp"
#include "protocol/messages/files.hpp"
#include "tests/support/actor_probe.hpp"

namespace sluice::tests {

inline const runtime::Peer control{runtime::Port::server, {}};
inline const runtime::Peer bulk{runtime::Port::server_bulk, {}};
inline const runtime::Peer application{runtime::Port::application, {}};

inline client::SessionConfig session_config(std::vector<std::string>& told) {
  client::SessionConfig config;
  config.secret = "0123456789abcdef";
  config.name = "me@here:1";
  config.waiting = [&told](const std::string& words) { told.push_back(words); };
  return config;
}

inline protocol::Welcome welcome(std::uint64_t epoch = 1, bool resumed = false) {
  protocol::Welcome welcome;
  welcome.version = 1;
  welcome.session = 77;
  welcome.resumed = resumed;
  welcome.lease_ms = 9'000;
  welcome.epoch = epoch;
  welcome.window_requests = 8;
  welcome.window_bytes = 1'000;
  welcome.chunk_bytes = 1u << 20;
  welcome.leaf_bytes = 128u << 10;
  welcome.small_file_bytes = 128u << 10;
  return welcome;
}

/// The session, with pings answered at once on the connections that live, and kept out of the
/// test's sight: a server that is there, however slow its answers.
class LivingServer final : public runtime::Actor {
 public:
  explicit LivingServer(client::Session& session) : session_(session) {}
  bool control_lives = true;
  bool bulk_lives = true;
  std::size_t pings = 0;

  void on_message(runtime::Message&& message, runtime::Time now, runtime::Outbox& outbox) override {
    session_.on_message(std::move(message), now, outbox);
    sift(now, outbox);
  }
  void on_tick(runtime::Time now, runtime::Outbox& outbox) override {
    session_.on_tick(now, outbox);
    sift(now, outbox);
  }
  runtime::Time next_tick() const override { return session_.next_tick(); }

 private:
  void sift(runtime::Time now, runtime::Outbox& outbox) {
    for (runtime::Message& message : outbox.take()) {
      const bool to_application = message.peer == application;
      if (message.header.type == protocol::Type::ping) {
        ++pings;
        if (message.peer == control ? !control_lives : !bulk_lives) continue;
        runtime::Outbox further;
        session_.on_message(runtime::make_reply(message, protocol::Pong{1, 0, 0}), now, further);
        for (runtime::Message& more : further.take())
          if (more.header.type != protocol::Type::pong) outbox.send(std::move(more));
      } else if (message.header.type != protocol::Type::pong || !to_application) {
        outbox.send(std::move(message));
      }
    }
  }

  client::Session& session_;
};

struct SessionProbe {
  /// Why the server puts requests off (Options::waiting).
  std::vector<std::string> told;
  client::Session session{session_config(told)};
  LivingServer server{session};
  ActorProbe probe{server};

  /// Up to the first welcome on the control connection.
  void connect(const protocol::Welcome& answer = welcome()) {
    probe.advance(runtime::Time(0));
    const auto hello = probe.expect<protocol::Hello>(control);
    probe.answer(hello.message, answer);
    probe.expect<protocol::Welcome>(application);
  }
  void connect_bulk(std::uint64_t epoch = 1) { welcome_back(bulk, epoch, true); }
  /// The next hello on a connection is answered; gives its request id.
  std::uint64_t welcome_back(const runtime::Peer& connection, std::uint64_t epoch, bool resumed) {
    const auto hello = probe.expect<protocol::Hello>(connection);
    probe.answer(hello.message, welcome(epoch, resumed));
    probe.expect<protocol::Welcome>(application);
    return hello.message.header.request_id;
  }
  void die() { server.control_lives = server.bulk_lives = false; }
  void revive() { server.control_lives = server.bulk_lives = true; }

  template <protocol::Fields M>
  void post(std::uint64_t job, const M& body, std::size_t payload = 0, std::uint32_t credit = 0,
            std::uint64_t limit_ms = 0) {
    runtime::Message message = runtime::make_message(application, body);
    message.stamp.job = job;
    message.stamp.number = limit_ms;
    message.header.credit_bytes = credit;
    if (payload > 0) message.payload = protocol::Payload::of(std::string(payload, 'x'));
    probe.tell(std::move(message));
  }
  void stat(std::uint64_t job, std::uint64_t limit_ms = 0) {
    post(job, protocol::Stat{"a" + std::to_string(job)}, 0, 0, limit_ms);
  }
  /// Withdraws what was posted with this handle.
  void cancel(std::uint64_t job) { post(job, protocol::Cancel{}); }
  runtime::Message expect_stat() { return probe.expect<protocol::Stat>(control).message; }
  /// Answers it and expects the answer at the application.
  void finish_stat(const runtime::Message& request, std::uint64_t job) {
    probe.answer(request, protocol::StatReply{});
    CHECK(probe.expect<protocol::StatReply>(application).message.stamp.job == job);
  }
  void expect_failure(std::uint64_t job, protocol::Code code) {
    CHECK(probe.expect_error(application, code).message.stamp.job == job);
  }
};

}  // namespace sluice::tests
