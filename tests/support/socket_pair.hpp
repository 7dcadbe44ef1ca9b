// Two sockets over tcp, a router and a dealer, for tests of the transport.
#pragma once

#include <memory>

#include "runtime/transport.hpp"

namespace sluice::tests {

struct SocketPair {
  explicit SocketPair(bool stamped, int queue_messages = 0) {
    runtime::SocketConfig server;
    server.kind = runtime::SocketConfig::Kind::router;
    server.bind = {"tcp://127.0.0.1:*"};
    server.stamped = stamped;
    server.queue_messages = queue_messages;
    router = std::make_unique<runtime::Socket>(std::move(*runtime::Socket::open(context, server)));
    runtime::SocketConfig client;
    client.connect = {router->bound()[0]};
    client.stamped = stamped;
    client.queue_messages = queue_messages;
    dealer = std::make_unique<runtime::Socket>(std::move(*runtime::Socket::open(context, client)));
  }
  runtime::Context context;
  std::unique_ptr<runtime::Socket> router;
  std::unique_ptr<runtime::Socket> dealer;
};

}  // namespace sluice::tests
