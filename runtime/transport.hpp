// ZeroMQ sockets that carry runtime::Message. transport.cpp is the only place that includes
// zmq.hpp. A `Context` is made first and destroyed last; a `Socket` belongs to the thread that made
// it. Read on: docs/protocol.md, "Frames"; runtime/runner.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "protocol/errors.hpp"
#include "runtime/actor.hpp"

namespace sluice::runtime {

/// libzmq's context: its I/O threads, and the inproc endpoints that its sockets share.
class Context {
 public:
  explicit Context(int io_threads = 1);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct SocketConfig {
  enum class Kind { router, dealer };
  Kind kind = Kind::dealer;
  /// Endpoints to bind, then endpoints to connect to.
  std::vector<std::string> bind;
  std::vector<std::string> connect;
  /// Whether messages carry a stamp (everything inside the server) or a plain header (clients).
  bool stamped = true;
  /// Messages libzmq queues for each peer, in either direction; 0: no bound (the windows bound
  /// them).
  int queue_messages = 0;
  /// The largest frame taken from a peer; 0: no bound (inproc only).
  std::size_t max_frame_bytes = 0;
  /// Connections over tcp that have sent so many bytes more than arrived as whole messages are
  /// closed (see `Socket::close_hoarders`); 0: none are.
  std::size_t unfinished_bytes = 0;
  /// How long unsent messages are tried for when the socket is closed.
  int linger_ms = 0;
};

class Socket {
 public:
  /// Fails with `usage` when an endpoint is malformed, `cannot_listen` when one cannot be bound.
  static protocol::Result<Socket> open(Context& context, const SocketConfig& config);
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  ~Socket();

  enum class Sent { done, full, gone };
  /// Never blocks. Leaves the message whole unless it was `done`.
  Sent send(Message& message);

  enum class Received { message, nothing, malformed };
  /// Never blocks. `malformed`: something came that is no message; only `message.peer.id` is set
  /// then.
  Received receive(Message& message);

  /// libzmq keeps the parts of an unfinished message without any bound, and shows none of it: a
  /// peer that never ends its message would eat all memory. So the bytes that the kernel has
  /// received on each accepted connection are compared with those that came out here, and a
  /// connection that is too far ahead is closed. To be called a few times a second, and sooner
  /// again when it says so: there is one that may be.
  bool close_hoarders();

  /// What the socket is bound to, with the port that was chosen for "tcp://...:*".
  const std::vector<std::string>& bound() const;

  /// Readable when libzmq has been told something for this socket; to be waited for, not read.
  int wake_fd() const;
  /// Whether `receive` has something. `woken`: `wake_fd` is readable; otherwise libzmq is asked
  /// only if the socket was used since it was last found empty, as that may have swallowed the
  /// wake-up.
  bool readable(bool woken);

 private:
  struct Impl;
  explicit Socket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::runtime
