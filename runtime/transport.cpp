// Messages to frames and back. Payloads above a bound are handed to libzmq without a copy; it lets
// go of them on an I/O thread, perhaps late, which is why Payload shares its owner.
#include "runtime/transport.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <optional>
#include <zmq.hpp>

#include "protocol/limits.hpp"
#include "runtime/endpoint.hpp"

// The thread sanitizer does not see how libzmq hands memory from one thread to another: it is told
// here, at the two ends of the handoff.
#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace sluice::runtime {
namespace {

void handed_over() {
#if defined(__SANITIZE_THREAD__)
  static char handoff;
  __tsan_release(&handoff);
  __tsan_acquire(&handoff);
#endif
}

// The payload at this address is libzmq's now; and, taken: ours again, for its end.
void lent([[maybe_unused]] protocol::Payload* payload) {
#if defined(__SANITIZE_THREAD__)
  __tsan_release(payload);
#endif
}
void taken_back([[maybe_unused]] protocol::Payload* payload) {
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(payload);
#endif
}

// Below this a copy is cheaper than libzmq's bookkeeping for foreign memory.
constexpr std::size_t zero_copy_bytes = 64u << 10;

// Marks payloads that are a frame as it was received.
struct DeleteFrame {
  void operator()(zmq::message_t* frame) const { delete frame; }
};

protocol::Payload to_payload(zmq::message_t&& frame) {
  std::shared_ptr<zmq::message_t> owner(new zmq::message_t(std::move(frame)), DeleteFrame{});
  const char* data = owner->data<char>();
  const std::size_t size = owner->size();
  return {std::move(owner), data, size};
}

// The frame that the payload is, whole; null if it is something else. Its bytes are shared among
// all frames that were made of it, and counted by libzmq.
zmq::message_t* frame_of(const protocol::Payload& payload) {
  if (std::get_deleter<DeleteFrame>(payload.owner()) == nullptr) return nullptr;
  const auto* received = static_cast<const zmq::message_t*>(payload.owner().get());
  if (received->size() != payload.size()) return nullptr;
  // To share it, libzmq writes down in it that it is shared. A payload stays with one thread.
  return const_cast<zmq::message_t*>(received);
}

zmq::message_t to_frame(const protocol::Payload& payload) {
  if (zmq::message_t* received = frame_of(payload)) {
    zmq::message_t same;
    same.copy(*received);
    return same;
  }
  if (payload.size() < zero_copy_bytes) return {payload.data(), payload.size()};
  auto* shared = new protocol::Payload(payload);
  lent(shared);
  return {const_cast<char*>(shared->data()), shared->size(),
          [](void*, void* hint) {
            auto* payload = static_cast<protocol::Payload*>(hint);
            taken_back(payload);
            delete payload;
          },
          shared};
}

// Mostly a copy. A body that is counted is lent, so that its owner lives until it was sent.
zmq::message_t body_frame(Message& message) {
  if (!message.body_owner) return {message.body.data(), message.body.size()};
  struct Lent {
    std::string body;
    std::shared_ptr<const void> owner;
  };
  auto lent =
      std::make_shared<const Lent>(Lent{std::move(message.body), std::move(message.body_owner)});
  const std::string& body = lent->body;
  return to_frame({std::move(lent), body.data(), body.size()});
}

// With IPv6 on, libzmq shows "tcp://127.0.0.1:1" as "tcp://[::ffff:127.0.0.1]:1".
std::string as_written(std::string endpoint) {
  constexpr std::string_view mapped = "tcp://[::ffff:";
  const auto end = endpoint.find(']');
  if (!endpoint.starts_with(mapped) || end == std::string::npos) return endpoint;
  return "tcp://" + endpoint.substr(mapped.size(), end - mapped.size()) + endpoint.substr(end + 1);
}

std::span<const char> bytes_of(const zmq::message_t& frame) {
  return {static_cast<const char*>(frame.data()), frame.size()};
}

// More than the largest message: header, body and payload with their framing.
constexpr std::size_t one_message_bytes =
    protocol::limits::frame_bytes + protocol::limits::body_bytes;

// Follows the connections that a socket has accepted and counts what came out of each.
class Hoarders {
 public:
  Hoarders(zmq::context_t& context, zmq::socket_t& watched, std::size_t most_bytes)
      : watched_(watched.handle()),
        events_(context, zmq::socket_type::pair),
        most_bytes_(most_bytes) {
    static std::atomic<unsigned> last = 0;
    const std::string endpoint = "inproc://connections-" + std::to_string(++last);
    if (zmq_socket_monitor(watched.handle(), endpoint.c_str(),
                           ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED) != 0)
      throw zmq::error_t();
    events_.set(zmq::sockopt::linger, 0);
    // An I/O thread that finds no room for an event would wait.
    events_.set(zmq::sockopt::rcvhwm, 0);
    events_.connect(endpoint);
  }
  // libzmq loses the memory of events that find nobody.
  ~Hoarders() { zmq_socket_monitor(watched_, nullptr, 0); }
  Hoarders(const Hoarders&) = delete;
  Hoarders& operator=(const Hoarders&) = delete;

  void begin_message() { current_ = nullptr; }
  void count(const zmq::message_t& frame) {
    // ZMTP puts 2 bytes before a short frame and 9 before a long one.
    const std::size_t wire_bytes = frame.size() + (frame.size() < 256 ? 2 : 9);
    // All frames of a message come over one connection, and libzmq has its descriptor as text in a
    // map: it is asked for the first alone.
    if (current_ == nullptr)
      current_ = &connections_[zmq_msg_get(const_cast<zmq_msg_t*>(frame.handle()), ZMQ_SRCFD)];
    current_->delivered_bytes += wire_bytes;
  }

  // Whether some may have to be closed soon.
  bool close_those_ahead() {
    follow_events();
    bool suspects = false;
    for (auto& [fd, connection] : connections_) {
      if (!connection.is_open) continue;
      const auto taken_bytes = taken_from(fd);
      if (!taken_bytes) continue;
      // What is beyond came over a connection that had this descriptor before.
      connection.delivered_bytes = std::min(connection.delivered_bytes, *taken_bytes);
      const std::uint64_t delivered = connection.delivered_bytes;
      // Ahead already at the last look, and nothing came out since though all that was whole did:
      // what libzmq has is one message. A small frame costs it many times its size, so this bound
      // is the narrow one.
      const bool stuck = connection.delivered_at_last_look == delivered &&
                         connection.taken_at_last_look > delivered + one_message_bytes;
      connection.delivered_at_last_look = delivered;
      connection.taken_at_last_look = *taken_bytes;
      if (stuck || *taken_bytes > delivered + most_bytes_)
        shutdown(fd, SHUT_RDWR);
      else if (*taken_bytes > delivered + one_message_bytes)
        suspects = true;
    }
    return suspects;
  }

 private:
  // What libzmq has read; what the kernel still holds takes none of our memory. None if `fd` is no
  // tcp connection.
  static std::optional<std::uint64_t> taken_from(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    // Looked at later, so more may be unread than was received then.
    int unread_bytes = 0;
    ioctl(fd, FIONREAD, &unread_bytes);
    const auto unread = static_cast<std::uint64_t>(unread_bytes);
    return info.tcpi_bytes_received - std::min<std::uint64_t>(info.tcpi_bytes_received, unread);
  }

  void follow_events() {
    for (zmq::message_t event, address;;) {
      if (!events_.recv(event, zmq::recv_flags::dontwait)) return;
      (void)events_.recv(address, zmq::recv_flags::dontwait);
      std::uint16_t kind = 0;
      std::int32_t fd = -1;
      std::memcpy(&kind, event.data(), sizeof kind);
      std::memcpy(&fd, event.data<char>() + sizeof kind, sizeof fd);
      // Its messages may have been counted before this is read, so the count is left alone.
      connections_[fd].is_open = kind == ZMQ_EVENT_ACCEPTED;
    }
  }

  void* watched_;
  zmq::socket_t events_;
  std::size_t most_bytes_;
  struct Connection {
    bool is_open = false;
    std::uint64_t delivered_bytes = 0;
    std::uint64_t delivered_at_last_look = 0;
    std::uint64_t taken_at_last_look = 0;
  };
  /// By descriptor; none is ever taken out.
  std::map<int, Connection> connections_;
  /// Over which the message comes that is being received.
  Connection* current_ = nullptr;
};

}  // namespace

struct Context::Impl {
  zmq::context_t context;
};

Context::Context(int io_threads) : impl_(new Impl{zmq::context_t(io_threads)}) {}
Context::~Context() = default;

struct Socket::Impl {
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  // libzmq leaves the files of ipc endpoints behind.
  ~Impl() {
    for (const std::string& endpoint : bound)
      if (const std::string path = path_of_ipc(endpoint); !path.empty()) unlink(path.c_str());
  }

  zmq::socket_t socket;
  bool router = false;
  bool stamped = true;
  std::vector<std::string> bound;
  std::optional<Hoarders> hoarders;
  /// Found empty, and not used since.
  bool empty = false;

  bool receive_frame(zmq::message_t& frame) {
    if (!receive_first(frame)) return false;
    if (hoarders) hoarders->count(frame);
    return true;
  }
  // A router's first is the routing id, which never was on the wire.
  bool receive_first(zmq::message_t& frame) {
    return socket.recv(frame, zmq::recv_flags::dontwait).has_value();
  }
  void discard_rest(const zmq::message_t& last) {
    bool more = last.more();
    for (zmq::message_t frame; more && receive_frame(frame);) more = frame.more();
  }
  bool parse(const zmq::message_t& first, Message& message) const;
};

bool Socket::Impl::parse(const zmq::message_t& first, Message& message) const {
  if (stamped) {
    auto both = protocol::decode_stamped(bytes_of(first));
    if (!both) return false;
    message.header = both->header;
    message.stamp = both->stamp;
    return true;
  }
  auto header = protocol::decode_header(bytes_of(first));
  if (!header) return false;
  message.header = *header;
  message.stamp = {};
  return true;
}

Socket::Socket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;
Socket::~Socket() = default;

protocol::Result<Socket> Socket::open(Context& context, const SocketConfig& config) {
  auto impl = std::make_unique<Impl>();
  impl->router = config.kind == SocketConfig::Kind::router;
  impl->stamped = config.stamped;
  std::string endpoint;
  bool binding = true;
  try {
    impl->socket = zmq::socket_t(
        context.impl().context, impl->router ? zmq::socket_type::router : zmq::socket_type::dealer);
    zmq::socket_t& socket = impl->socket;
    if (impl->router) socket.set(zmq::sockopt::router_mandatory, true);
    socket.set(zmq::sockopt::sndhwm, config.queue_messages);
    socket.set(zmq::sockopt::rcvhwm, config.queue_messages);
    socket.set(zmq::sockopt::linger, config.linger_ms);
    socket.set(zmq::sockopt::ipv6, true);
    socket.set(zmq::sockopt::reconnect_ivl, 20);
    socket.set(zmq::sockopt::reconnect_ivl_max, 500);
    socket.set(zmq::sockopt::tcp_keepalive, 1);
    if (config.max_frame_bytes > 0)
      socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(config.max_frame_bytes));
    if (config.unfinished_bytes > 0)
      impl->hoarders.emplace(context.impl().context, socket, config.unfinished_bytes);
    for (const std::string& each : config.bind) {
      endpoint = each;
      if (auto ok = check_endpoint(each); !ok) return tl::make_unexpected(ok.error());
      if (auto ok = make_way_for(each); !ok) return tl::make_unexpected(ok.error());
      socket.bind(each);
      impl->bound.push_back(as_written(socket.get(zmq::sockopt::last_endpoint)));
    }
    for (const std::string& each : config.connect) {
      endpoint = each;
      binding = false;
      if (auto ok = check_remote_endpoint(each); !ok) return tl::make_unexpected(ok.error());
      socket.connect(each);
    }
  } catch (const zmq::error_t& error) {
    const auto code = binding ? protocol::Code::cannot_listen : protocol::Code::unreachable;
    return protocol::fail(code, endpoint, error.what());
  }
  return Socket(std::move(impl));
}

Socket::Sent Socket::send(Message& message) {
  handed_over();
  impl_->empty = false;
  zmq::socket_t& socket = impl_->socket;
  const bool payload = !message.payload.empty();
  const auto last = zmq::send_flags::dontwait;
  const auto more = zmq::send_flags::dontwait | zmq::send_flags::sndmore;
  try {
    if (impl_->router && !socket.send(zmq::buffer(message.peer.id), more)) return Sent::full;
    // A router that took the routing id takes the rest; a dealer decides at its first frame.
    bool taken = false;
    if (impl_->stamped) {
      const auto frame = protocol::encode_frame(message.header, message.stamp);
      taken = socket.send(zmq::buffer(frame), more).has_value();
    } else {
      const auto frame = protocol::encode_frame(message.header);
      taken = socket.send(zmq::buffer(frame), more).has_value();
    }
    if (!taken) return Sent::full;
    socket.send(body_frame(message), payload ? more : last);
    if (payload) socket.send(to_frame(message.payload), last);
    return Sent::done;
  } catch (const zmq::error_t& error) {
    if (error.num() == EHOSTUNREACH) return Sent::gone;
    if (error.num() == EAGAIN) return Sent::full;
    throw;
  }
}

Socket::Received Socket::receive(Message& message) {
  zmq::message_t frame;
  message.peer.id.clear();
  message.payload = {};
  message.body_owner.reset();
  if (impl_->hoarders) impl_->hoarders->begin_message();
  impl_->empty = impl_->router ? !impl_->receive_first(frame) : !impl_->receive_frame(frame);
  if (impl_->empty) return Received::nothing;
  handed_over();
  if (impl_->router) {
    message.peer.id.assign(static_cast<const char*>(frame.data()), frame.size());
    if (!frame.more() || !impl_->receive_frame(frame)) return Received::malformed;
  }
  if (!frame.more() || !impl_->parse(frame, message)) {
    impl_->discard_rest(frame);
    return Received::malformed;
  }
  if (!impl_->receive_frame(frame)) return Received::malformed;
  message.body.assign(static_cast<const char*>(frame.data()), frame.size());
  if (!frame.more()) return Received::message;
  if (!impl_->receive_frame(frame)) return Received::malformed;
  if (frame.more()) {
    impl_->discard_rest(frame);
    return Received::malformed;
  }
  message.payload = to_payload(std::move(frame));
  return Received::message;
}

bool Socket::close_hoarders() {
  return impl_->hoarders && impl_->hoarders->close_those_ahead();
}

const std::vector<std::string>& Socket::bound() const {
  return impl_->bound;
}

int Socket::wake_fd() const {
  return impl_->socket.get(zmq::sockopt::fd);
}

bool Socket::readable(bool woken) {
  if (impl_->empty && !woken) return false;
  impl_->empty = !(impl_->socket.get(zmq::sockopt::events) & ZMQ_POLLIN);
  return !impl_->empty;
}

}  // namespace sluice::runtime
