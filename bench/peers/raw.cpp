// What this machine does without any server, for scripts/compare-peers: libzmq's own rate of large
// messages one way, and its round trip through a ROUTER and an inproc worker; small files with a
// sync of file and directory each, by some threads; small files without any. What zmq.h offers is
// used bare, not through runtime/. Threads share nothing but what they count. See load.hpp.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "bench/peers/load.hpp"

namespace sluice::bench::peers {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct EndContext {
  void operator()(void* context) const { zmq_ctx_term(context); }
};
struct CloseSocket {
  void operator()(void* socket) const { zmq_close(socket); }
};
using ZmqContext = std::unique_ptr<void, EndContext>;
using ZmqSocket = std::unique_ptr<void, CloseSocket>;

ZmqSocket open_socket(void* context, int kind) {
  ZmqSocket socket(zmq_socket(context, kind));
  const int none = 0;
  const int queue_messages = 16;  // as many MiB, not a thousand
  if (!socket || zmq_setsockopt(socket.get(), ZMQ_LINGER, &none, sizeof none) != 0 ||
      zmq_setsockopt(socket.get(), ZMQ_SNDHWM, &queue_messages, sizeof queue_messages) != 0 ||
      zmq_setsockopt(socket.get(), ZMQ_RCVHWM, &queue_messages, sizeof queue_messages) != 0)
    fail("a ZeroMQ socket");
  return socket;
}

std::string bind_tcp(void* socket) {
  std::array<char, 64> endpoint{};
  std::size_t size = endpoint.size();
  if (zmq_bind(socket, "tcp://127.0.0.1:*") != 0 ||
      zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint.data(), &size) != 0)
    fail("binding a ZeroMQ socket");
  return endpoint.data();
}

void connect(void* socket, const std::string& endpoint) {
  if (zmq_connect(socket, endpoint.c_str()) != 0) fail(endpoint);
}

void bind(void* socket, const std::string& endpoint) {
  if (zmq_bind(socket, endpoint.c_str()) != 0) fail(endpoint);
}

// Every message is made anew, as a server would; an empty one is the last.
Result one_way(const Options& options) {
  const ZmqContext context(zmq_ctx_new());
  const ZmqSocket into = open_socket(context.get(), ZMQ_PULL);
  const std::string endpoint = bind_tcp(into.get());
  Tally tally(options);
  tally.begin();
  std::vector<std::jthread> senders;
  for (unsigned i = 0; i < options.clients; ++i)
    senders.emplace_back([&] {
      const ZmqSocket out = open_socket(context.get(), ZMQ_PUSH);
      const int for_ever = -1;
      zmq_setsockopt(out.get(), ZMQ_LINGER, &for_ever, sizeof for_ever);
      connect(out.get(), endpoint);
      while (!tally.ending()) {
        zmq_msg_t message;
        zmq_msg_init_size(&message, options.size_bytes);
        zmq_msg_send(&message, out.get(), 0);
      }
      zmq_send(out.get(), "", 0, 0);
    });
  for (unsigned ended = 0; ended < options.clients;) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    const auto begun = Clock::now();
    if (zmq_msg_recv(&message, into.get(), 0) < 0) fail("receiving");
    if (zmq_msg_size(&message) == 0) {
      ++ended;
    } else {
      tally.asked();
      tally.done(begun);
    }
    zmq_msg_close(&message);
  }
  return tally.result();
}

// Takes the two frames of a request and sends back as many; false if the second was empty.
bool answer(void* socket, const std::string& reply) {
  std::array<char, 64> who{};
  std::array<char, 256> request{};
  const int who_bytes = zmq_recv(socket, who.data(), who.size(), 0);
  const int request_bytes = zmq_recv(socket, request.data(), request.size(), 0);
  if (who_bytes < 0 || request_bytes < 0) return false;
  zmq_send(socket, who.data(), static_cast<std::size_t>(who_bytes), ZMQ_SNDMORE);
  zmq_send(socket, reply.data(), reply.size(), 0);
  return request_bytes > 0;
}

// DEALER, ROUTER, inproc worker, and back: the hops of a request to sluiced, and nothing else.
Result round_trip(const Options& options) {
  const ZmqContext context(zmq_ctx_new());
  const ZmqSocket front = open_socket(context.get(), ZMQ_ROUTER);
  const ZmqSocket back = open_socket(context.get(), ZMQ_DEALER);
  const ZmqSocket stop = open_socket(context.get(), ZMQ_PAIR);
  const ZmqSocket stopper = open_socket(context.get(), ZMQ_PAIR);
  const std::string endpoint = bind_tcp(front.get());
  bind(back.get(), "inproc://worker");
  bind(stop.get(), "inproc://stop");
  connect(stopper.get(), "inproc://stop");
  const std::jthread worker([&] {
    const ZmqSocket socket = open_socket(context.get(), ZMQ_DEALER);
    connect(socket.get(), "inproc://worker");
    const std::string reply(options.size_bytes, 'x');
    while (answer(socket.get(), reply)) continue;
  });
  const std::jthread broker(
      [&] { zmq_proxy_steerable(front.get(), back.get(), nullptr, stop.get()); });
  const ZmqSocket client = open_socket(context.get(), ZMQ_DEALER);
  connect(client.get(), endpoint);
  const std::string request(64, 'x');
  std::vector<char> reply(options.size_bytes);
  Tally tally(options);
  tally.begin();
  while (!tally.over()) {
    tally.asked();
    const auto begun = Clock::now();
    zmq_send(client.get(), request.data(), request.size(), 0);
    if (zmq_recv(client.get(), reply.data(), reply.size(), 0) < 0) fail("receiving");
    tally.done(begun);
  }
  // The worker ends by an empty request, then the broker by a word.
  zmq_send(client.get(), "", 0, 0);
  zmq_recv(client.get(), reply.data(), reply.size(), 0);
  zmq_send(stopper.get(), "TERMINATE", 9, 0);
  return tally.result();
}

class Fd {
 public:
  explicit Fd(const std::string& path, int flags)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail(path);
  }
  ~Fd() { close(fd_); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

void create(const std::string& path, const std::string& bytes, bool sync) {
  const Fd file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
      (sync && fsync(file.get()) != 0))
    fail(path);
}

void make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0) fail(path);
}

// A file made under another name, synced, renamed, its directory synced: a thread each in a
// directory of its own.
void synced_files(const std::string& directory, const std::string& bytes, Tally& tally) {
  make_directory(directory);
  const Fd listing(directory, O_RDONLY | O_DIRECTORY);
  for (std::uint64_t i = 0; !tally.ending(); ++i) {
    tally.asked();
    const auto begun = Clock::now();
    const std::string path = fmt::format("{}/{}", directory, i);
    create(path + ".new", bytes, true);
    if (rename((path + ".new").c_str(), path.c_str()) != 0 || fsync(listing.get()) != 0) fail(path);
    tally.done(begun);
  }
}

Result fsync_files(const Options& options) {
  const std::string bytes(options.size_bytes, 'x');
  const std::string prefix = options.server + "/" + fresh_prefix();
  make_directory(prefix);
  std::vector<Tally> tallies(options.clients, Tally(options));
  for (Tally& tally : tallies) tally.begin();
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < options.clients; ++i)
      threads.emplace_back(
          [&, i] { synced_files(fmt::format("{}/{}", prefix, i), bytes, tallies[i]); });
  }
  Result result = tallies[0].result();
  for (unsigned i = 1; i < options.clients; ++i)
    result.latencies.add(tallies[i].result().latencies);
  return result;
}

// As many files as Options::files, shared among the threads, in directories of a thousand.
Result bare_files(const Options& options) {
  const std::string bytes(options.size_bytes, 'x');
  const std::string prefix = options.server + "/" + fresh_prefix();
  make_directory(prefix);
  std::vector<Histogram> took(options.clients);
  const auto begin = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < options.clients; ++t)
      threads.emplace_back([&, t] {
        const std::string own = fmt::format("{}/{}", prefix, t);
        make_directory(own);
        for (std::uint64_t i = 0; i < options.files / options.clients; ++i) {
          const std::string directory = fmt::format("{}/{}", own, i / 1000);
          if (i % 1000 == 0) make_directory(directory);
          const auto begun = Clock::now();
          create(fmt::format("{}/{}", directory, i), bytes, false);
          took[t].record(Clock::now() - begun);
        }
      });
  }
  Result result(options);
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const Histogram& each : took) result.latencies.add(each);
  return result;
}

}  // namespace

const std::vector<std::string> operations = {"one-way", "round-trip", "fsync-files", "bare-files"};

Result run_load(const Options& options) {
  if (options.op == "one-way") return one_way(options);
  if (options.op == "round-trip") return round_trip(options);
  return options.op == "fsync-files" ? fsync_files(options) : bare_files(options);
}

}  // namespace sluice::bench::peers
