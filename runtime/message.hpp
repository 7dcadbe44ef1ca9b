// What actors send each other: who it is from or for, the first frame, the body and the raw bytes
// behind. Plain data; an actor owns what it is given. Read on: runtime/actor.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "protocol/codec.hpp"
#include "protocol/errors.hpp"
#include "protocol/frame.hpp"
#include "protocol/messages/session.hpp"
#include "protocol/payload.hpp"

namespace sluice::runtime {

/// The doors of an actor. The runner (or the simulator) says what each is connected to.
enum class Port : std::uint8_t {
  none,
  clients,  ///< broker: the ROUTER that clients connect to
  workers,  ///< broker: the ROUTER that workers connect to; lock actor: the one their commits come
            ///< from
  broker,   ///< lock actor and worker: the broker
  locks,    ///< broker, worker and publisher: the lock actor
  publisher,     ///< lock actor and checkpointer: the publisher
  checkpointer,  ///< publisher: the checkpointer
  server,        ///< client: the control connection
  server_bulk,   ///< client: the bulk connection
  application,   ///< client: whoever asked
};

/// One end of a conversation: a door, and behind a ROUTER the routing id; empty where there is only
/// one.
struct Peer {
  Port port = Port::none;
  std::string id;
  auto operator<=>(const Peer&) const = default;
};

struct Message {
  /// Received: who sent it. Sent: who gets it.
  Peer peer;
  protocol::Header header;
  /// Meaningful inside the server only.
  protocol::Stamp stamp;
  std::string body;
  /// Kept until the body was sent, as a payload's owner is; mostly nothing.
  std::shared_ptr<const void> body_owner;
  protocol::Payload payload;
};

/// A message of the given type to a peer; header and stamp may be filled in further.
template <protocol::Fields M>
Message make_message(Peer to, const M& body, std::uint64_t request_id = 0,
                     const protocol::Stamp& stamp = {}) {
  Message message;
  message.peer = std::move(to);
  message.header.type = M::type;
  message.header.request_id = request_id;
  message.stamp = stamp;
  message.body = protocol::encode(body);
  return message;
}

/// The answer to a request: goes to where it came from, under the same request id, attempt and
/// stamp.
template <protocol::Fields M>
Message make_reply(const Message& request, const M& body) {
  Message reply = make_message(request.peer, body, request.header.request_id, request.stamp);
  reply.header.attempt = request.header.attempt;
  return reply;
}

inline Message make_error(const Message& request, const protocol::Error& error) {
  return make_reply(request, protocol::ErrorReply{error.code, error.path, error.detail});
}

}  // namespace sluice::runtime
