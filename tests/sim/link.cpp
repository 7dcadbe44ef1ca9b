// See link.hpp.
#include "tests/sim/link.hpp"

namespace sluice::sim {

namespace {

std::function<Sent(Message&)> one_way(World& world, Host& to_host, Actor& to, Port to_port,
                                      Latency latency) {
  auto last = std::make_shared<Micros>(0);
  return [&world, host = to_host.weak_from_this(), &to, to_port, latency, last](Message& message) {
    message.peer = {to_port, {}};
    *last = std::max(*last, world.now() + world.delay(latency.from, latency.to));
    world.at(*last, [host, &to, carried = std::make_shared<Message>(std::move(message))] {
      if (const auto there = host.lock()) there->arrive(to, std::move(*carried));
    });
    return Sent::done;
  };
}

}  // namespace

void connect_pair(World& world, Host& a_host, Actor& a, Port a_port, Host& b_host, Actor& b,
                  Port b_port, Latency latency) {
  a_host.route(a, a_port, one_way(world, b_host, b, b_port, latency));
  b_host.route(b, b_port, one_way(world, a_host, a, a_port, latency));
}

Router::Router(World& world, std::shared_ptr<Host> host, Actor& actor, Port port)
    : world_(world), host_(std::move(host)), actor_(actor), port_(port) {
  host_->route(actor, port, [this](Message& message) { return send(message); });
}

Router::~Router() {
  for (const auto& [id, peer] : peers_)
    if (const auto dealer = peer.lock()) dealer->break_connection(world_.delay(0, 50 * ms));
}

Sent Router::send(Message& message) {
  const auto found = peers_.find(message.peer.id);
  if (found == peers_.end()) return Sent::gone;
  const auto dealer = found->second.lock();
  if (!dealer) return Sent::gone;
  if (dealer->full()) return Sent::full;
  dealer->deliver_here(std::move(message));
  return Sent::done;
}

Dealer::Dealer(World& world, std::shared_ptr<Host> host, Actor& actor, Port port, Latency latency,
               std::function<std::weak_ptr<Router>()> find)
    : world_(world),
      host_(std::move(host)),
      actor_(actor),
      port_(port),
      latency_(latency),
      find_(std::move(find)) {}

void Dealer::open() {
  host_->route(actor_, port_, [this](Message& message) { return send(message); });
  try_to_connect();
}

Sent Dealer::send(Message& message) {
  if (connected_)
    put_under_way(std::move(message));
  else
    waiting_.push_back(std::move(message));
  return Sent::done;
}

void Dealer::put_under_way(Message&& message) {
  last_out_ = std::max(last_out_, world_.now() + world_.delay(latency_.from, latency_.to));
  message.peer = {Port::none, id_};
  world_.at(last_out_, [self = weak_from_this(), connection = connection_,
                        carried = std::make_shared<Message>(std::move(message))] {
    const auto dealer = self.lock();
    if (!dealer || dealer->connection_ != connection) return;
    const auto router = dealer->router_.lock();
    if (!router) return;
    carried->peer.port = router->port();
    router->host().arrive(router->actor(), std::move(*carried));
  });
}

void Dealer::deliver_here(Message&& message) {
  // A router that has not noticed yet sends into the void.
  if (!connected_ || message.peer.id != id_) return;
  last_in_ = std::max(last_in_, world_.now() + world_.delay(latency_.from, latency_.to));
  message.peer = {port_, {}};
  world_.at(last_in_, [self = weak_from_this(), connection = connection_,
                       carried = std::make_shared<Message>(std::move(message))] {
    const auto dealer = self.lock();
    if (!dealer || dealer->closed_ || dealer->connection_ != connection) return;
    dealer->host_->arrive(dealer->actor_, std::move(*carried));
  });
}

void Dealer::try_to_connect() {
  if (closed_ || connected_) return;
  const auto router = find_().lock();
  if (!router || router->host().dead()) {
    world_.after(world_.delay(20 * ms, 200 * ms), [self = weak_from_this()] {
      if (const auto dealer = self.lock()) dealer->try_to_connect();
    });
    return;
  }
  static_assert(sizeof connection_ == 8);
  id_ = fmt::format("{}/{}/{:x}", host_->name(), static_cast<int>(port_), world_.pick(1u << 30));
  router_ = router;
  connected_ = true;
  router->connected(id_, weak_from_this());
  while (!waiting_.empty()) {
    put_under_way(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

void Dealer::break_connection(Micros pause) {
  if (!connected_) return;
  world_.trace("{:<10} connection {} is lost", host_->name(), id_);
  connected_ = false;
  ++connection_;
  // The other side learns of it in its own time.
  world_.after(world_.delay(0, 500 * ms), [router = router_, id = id_] {
    if (const auto there = router.lock()) there->forget(id);
  });
  world_.after(pause, [self = weak_from_this()] {
    if (const auto dealer = self.lock()) dealer->try_to_connect();
  });
}

void Dealer::close() {
  break_connection(0);
  closed_ = true;
}

}  // namespace sluice::sim
