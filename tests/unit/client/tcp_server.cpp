// As little of a broker as a client needs.
#include "tests/unit/client/tcp_server.hpp"

#include "protocol/limits.hpp"
#include "tests/unit/client/wait_for_least.hpp"

namespace sluice::tests {

using protocol::Type;
using runtime::make_reply;

void ScriptedBroker::on_message(runtime::Message&& message, runtime::Time,
                                runtime::Outbox& outbox) {
  if (message.header.type == Type::hello) {
    const auto hello = protocol::decode<protocol::Hello>(message.body).value();
    protocol::Welcome welcome;
    welcome.version = 1;
    welcome.session = 1;
    welcome.resumed = !sessions_.insert(hello.secret).second;
    welcome.lease_ms = 1'500;
    welcome.epoch = epoch_;
    welcome.window_requests = protocol::limits::window_requests;
    welcome.window_bytes = protocol::limits::window_bytes;
    welcome.chunk_bytes = chunk_bytes;
    welcome.leaf_bytes = protocol::limits::leaf_bytes;
    welcome.small_file_bytes = small_file_bytes;
    welcome.server = "scripted";
    peers_.insert(message.peer.id);
    return outbox.send(make_reply(message, welcome));
  }
  if (!peers_.contains(message.peer.id))
    return outbox.send(runtime::make_error(message, {protocol::Code::hello_required, {}, {}}));
  if (message.header.type == Type::ping) {
    count(pings);
    return outbox.send(make_reply(message, protocol::Pong{epoch_, 3, 2}));
  }
  if (message.header.type == Type::bye) {
    ++byes;
    return outbox.send(make_reply(message, protocol::ByeReply{}));
  }
  if (auto reply = script_(message)) outbox.send(std::move(*reply));
}

TcpServer::TcpServer(ScriptedBroker::Script script, std::uint64_t epoch,
                     const std::string& endpoint)
    : runner_(std::make_unique<runtime::Runner>(context_)), broker_(epoch, std::move(script)) {
  runtime::SocketConfig config;
  config.kind = runtime::SocketConfig::Kind::router;
  config.bind = {endpoint};
  config.stamped = false;
  auto bound = runner_->attach(broker_, runtime::Port::clients, config);
  // The endpoint of a server that has just gone may be taken for a moment.
  for (int tries = 0; !bound && tries < 100; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    bound = runner_->attach(broker_, runtime::Port::clients, config);
  }
  endpoint_ = bound.value().front();
  thread_ = std::thread([this] { runner_->run(); });
}

TcpServer::~TcpServer() {
  runner_->stop();
  thread_.join();
  runner_.reset();
}

}  // namespace sluice::tests
