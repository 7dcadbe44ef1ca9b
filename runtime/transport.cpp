// Messages to frames and back. Payloads above a bound are handed to libzmq without a copy; it lets
// go of them on an I/O thread, perhaps late, which is why Payload shares its owner.
#include "runtime/transport.hpp"

#include <array>
#include <zmq.hpp>

namespace sluice::runtime {
namespace {

// Below this a copy is cheaper than libzmq's bookkeeping for foreign memory.
constexpr std::size_t zero_copy_bytes = 64u << 10;

zmq::message_t to_frame(const protocol::Payload& payload) {
  if (payload.size() < zero_copy_bytes) return {payload.data(), payload.size()};
  auto* shared = new protocol::Payload(payload);
  return {const_cast<char*>(shared->data()), shared->size(),
          [](void*, void* hint) { delete static_cast<protocol::Payload*>(hint); }, shared};
}

protocol::Payload to_payload(zmq::message_t&& frame) {
  auto owner = std::make_shared<zmq::message_t>(std::move(frame));
  const char* data = owner->data<char>();
  const std::size_t size = owner->size();
  return {std::move(owner), data, size};
}

std::span<const char> bytes_of(const zmq::message_t& frame) {
  return {static_cast<const char*>(frame.data()), frame.size()};
}

}  // namespace

struct Context::Impl {
  zmq::context_t context;
};

Context::Context(int io_threads) : impl_(new Impl{zmq::context_t(io_threads)}) {}
Context::~Context() = default;

struct Socket::Impl {
  zmq::socket_t socket;
  bool router = false;
  bool stamped = true;
  std::vector<std::string> bound;

  bool receive_frame(zmq::message_t& frame) {
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
    for (const std::string& each : config.bind) {
      endpoint = each;
      socket.bind(each);
      impl->bound.push_back(socket.get(zmq::sockopt::last_endpoint));
    }
    for (const std::string& each : config.connect) {
      endpoint = each;
      socket.connect(each);
    }
  } catch (const zmq::error_t& error) {
    return protocol::fail(protocol::Code::unreachable, endpoint, error.what());
  }
  return Socket(std::move(impl));
}

Socket::Sent Socket::send(Message& message) {
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
    socket.send(zmq::buffer(message.body), payload ? more : last);
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
  if (!impl_->receive_frame(frame)) return Received::nothing;
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

const std::vector<std::string>& Socket::bound() const {
  return impl_->bound;
}
void* Socket::handle() {
  return impl_->socket.handle();
}

void poll(std::vector<PollItem>& items, std::chrono::milliseconds timeout) {
  std::vector<zmq::pollitem_t> raw;
  raw.reserve(items.size());
  for (const PollItem& item : items)
    raw.push_back({item.socket ? item.socket->handle() : nullptr, item.fd, ZMQ_POLLIN, 0});
  try {
    zmq::poll(raw, timeout);
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) throw;
    for (PollItem& item : items) item.readable = false;
    return;
  }
  for (std::size_t i = 0; i < items.size(); ++i) items[i].readable = raw[i].revents & ZMQ_POLLIN;
}

}  // namespace sluice::runtime
