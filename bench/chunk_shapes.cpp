// What a large get costs by the shape of its chunks, without a server around it: one process reads
// a file and answers requests for chunks over a ROUTER, another asks for a window of them and looks
// at none. Varies one thing at a time: the size of chunks, where their bytes come from (pread into
// the message, mapped pages, no file at all), libzmq's I/O threads, connections, tcp and ipc.
// The shapes are measured in turn; a figure is the median of all rounds. zmq.h bare, not runtime/.
// Read on: docs/performance.md, "The shape of chunks".
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "runtime/freed_memory.hpp"

namespace {

enum class From { pread, mapped, nothing };

struct Shape {
  std::string name;
  std::size_t chunk_bytes = 1u << 20;
  From from = From::pread;
  int io_threads = 1;
  std::size_t connections = 1;
  bool ipc = false;
  std::size_t window_bytes = 4u << 20;
};

std::vector<Shape> shapes() {
  std::vector<Shape> all{{.name = "1 MiB, pread, window of 4 MiB, tcp, one of each"}};
  for (const std::size_t kib : {64, 128, 256, 512, 2048, 4096})
    all.push_back({.name = fmt::format("chunks of {} KiB", kib),
                   .chunk_bytes = kib << 10,
                   .window_bytes = std::max<std::size_t>(4u << 20, 2 * kib << 10)});
  all.push_back({.name = "mapped pages", .from = From::mapped});
  all.push_back({.name = "no file read", .from = From::nothing});
  all.push_back({.name = "two I/O threads at each end", .io_threads = 2});
  all.push_back({.name = "two connections", .connections = 2});
  all.push_back({.name = "two of both", .io_threads = 2, .connections = 2});
  all.push_back({.name = "ipc", .ipc = true});
  for (const std::size_t mib : {1, 2, 8, 16})
    all.push_back({.name = fmt::format("window of {} MiB", mib), .window_bytes = mib << 20});
  return all;
}

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

ZmqContext open_context(int io_threads) {
  ZmqContext context(zmq_ctx_new());
  if (!context || zmq_ctx_set(context.get(), ZMQ_IO_THREADS, io_threads) != 0) fail("a context");
  return context;
}

ZmqSocket open_socket(void* context, int kind) {
  ZmqSocket socket(zmq_socket(context, kind));
  const int zero = 0;
  if (!socket || zmq_setsockopt(socket.get(), ZMQ_LINGER, &zero, sizeof zero) != 0 ||
      zmq_setsockopt(socket.get(), ZMQ_SNDHWM, &zero, sizeof zero) != 0 ||
      zmq_setsockopt(socket.get(), ZMQ_RCVHWM, &zero, sizeof zero) != 0)
    fail("a socket");
  return socket;
}

// The file as the serving process has it; open and mapped as long as that lives.
class Served {
 public:
  Served(const std::string& path, std::size_t size_bytes, const Shape& shape) : shape_(shape) {
    fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) fail(path);
    pages_ = mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, fd_, 0);
    if (pages_ == MAP_FAILED) fail(path);
  }
  // The bytes at `offset` as a message.
  void read(std::uint64_t offset, std::size_t size, zmq_msg_t& message) const {
    if (shape_.from == From::mapped) {
      zmq_msg_init_data(&message, static_cast<char*>(pages_) + offset, size, nullptr, nullptr);
      return;
    }
    zmq_msg_init_size(&message, size);
    if (shape_.from == From::pread &&
        pread(fd_, zmq_msg_data(&message), size, static_cast<off_t>(offset)) !=
            static_cast<ssize_t>(size))
      fail("reading");
  }

 private:
  const Shape& shape_;
  int fd_ = -1;
  void* pages_ = nullptr;
};

// Answers each request (its offset) with a chunk; one of another size ends it.
void serve(const std::string& endpoint, const Served& file, std::size_t size_bytes,
           const Shape& shape) {
  const ZmqContext context = open_context(shape.io_threads);
  const ZmqSocket socket = open_socket(context.get(), ZMQ_ROUTER);
  const int linger_ms = 1000;
  zmq_setsockopt(socket.get(), ZMQ_LINGER, &linger_ms, sizeof linger_ms);
  if (zmq_bind(socket.get(), endpoint.c_str()) != 0) fail(endpoint);
  while (true) {
    std::array<char, 64> who{};
    std::uint64_t offset = 0;
    const int who_bytes = zmq_recv(socket.get(), who.data(), who.size(), 0);
    if (who_bytes < 0 || zmq_recv(socket.get(), &offset, sizeof offset, 0) != sizeof offset) return;
    zmq_msg_t message;
    file.read(offset, std::min<std::uint64_t>(shape.chunk_bytes, size_bytes - offset), message);
    zmq_send(socket.get(), who.data(), static_cast<std::size_t>(who_bytes), ZMQ_SNDMORE);
    if (zmq_msg_send(&message, socket.get(), 0) < 0) fail("sending");
  }
}

// Asks for all of it, each connection in turn, with no more than a window under way.
void fetch(const std::string& endpoint, std::size_t size_bytes, const Shape& shape) {
  const ZmqContext context = open_context(shape.io_threads);
  std::vector<ZmqSocket> sockets;
  for (std::size_t i = 0; i < shape.connections; ++i) {
    sockets.push_back(open_socket(context.get(), ZMQ_DEALER));
    if (zmq_connect(sockets.back().get(), endpoint.c_str()) != 0) fail(endpoint);
  }
  std::uint64_t asked = 0;
  std::uint64_t done = 0;
  std::size_t asks = 0;
  std::size_t answers = 0;
  while (done < size_bytes) {
    while (asked < size_bytes && asked - done + shape.chunk_bytes <= shape.window_bytes) {
      zmq_send(sockets[asks++ % sockets.size()].get(), &asked, sizeof asked, 0);
      asked += std::min<std::uint64_t>(shape.chunk_bytes, size_bytes - asked);
    }
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, sockets[answers++ % sockets.size()].get(), 0) < 0) fail("receiving");
    done += zmq_msg_size(&message);
    zmq_msg_close(&message);
  }
  zmq_send(sockets[0].get(), "", 0, 0);
}

double processor_s(int whose) {
  rusage used{};
  getrusage(whose, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct Figures {
  std::vector<double> mb_per_s;
  std::vector<double> processor_s_per_gb;
};

template <class Work>
pid_t in_a_process(Work work) {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid > 0) return pid;
  try {
    work();
  } catch (const std::exception& error) {
    fmt::print(stderr, "chunk-shapes: {}\n", error.what());
    _exit(1);
  }
  _exit(0);
}

void wait_for(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0) throw std::runtime_error("a process failed");
}

void measure(const std::string& path, const std::string& directory, std::size_t size_bytes,
             const Shape& shape, int number, Figures& figures) {
  // Nobody else listens on an address of loopback that is ours alone.
  const std::string endpoint =
      shape.ipc ? fmt::format("ipc://{}/{}", directory, number)
                : fmt::format("tcp://127.{}.{}.1:5971", 100 + number / 250 % 100, 1 + number % 250);
  const double before_s = processor_s(RUSAGE_CHILDREN);
  const pid_t server =
      in_a_process([&] { serve(endpoint, Served(path, size_bytes, shape), size_bytes, shape); });
  const auto begun = std::chrono::steady_clock::now();
  wait_for(in_a_process([&] { fetch(endpoint, size_bytes, shape); }));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  wait_for(server);
  const auto bytes = static_cast<double>(size_bytes);
  figures.mb_per_s.push_back(bytes / took.count() / 1e6);
  figures.processor_s_per_gb.push_back((processor_s(RUSAGE_CHILDREN) - before_s) / bytes * 1e9);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void run(std::size_t size_bytes, int rounds) {
  std::string name = (std::filesystem::temp_directory_path() / "chunk-shapes-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) fail(name);
  const std::shared_ptr<void> cleaner(nullptr, [&](void*) {
    std::error_code ignored;
    std::filesystem::remove_all(name, ignored);
  });
  const std::string path = name + "/file";
  const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "w"), fclose);
  if (!file) fail(path);
  const std::string piece(1u << 20, 'x');
  for (std::size_t at = 0; at < size_bytes; at += piece.size())
    if (fwrite(piece.data(), std::min(piece.size(), size_bytes - at), 1, file.get()) != 1)
      fail(path);
  fflush(file.get());
  sync();
  const std::vector<Shape> all = shapes();
  std::vector<Figures> figures(all.size());
  int number = 0;
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < all.size(); ++i)
      measure(path, name, size_bytes, all[i], number++, figures[i]);
  fmt::print("| shape | MB/s (least-most) | processor s a GB |\n|---|---|---|\n");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto [least, most] =
        std::minmax_element(figures[i].mb_per_s.begin(), figures[i].mb_per_s.end());
    fmt::print("| {} | {:.0f} ({:.0f}-{:.0f}) | {:.2f} |\n", all[i].name,
               median(figures[i].mb_per_s), *least, *most, median(figures[i].processor_s_per_gb));
  }
}

}  // namespace

int main(int argc, char** argv) {
  sluice::runtime::keep_freed_memory();
  CLI::App app{"Measures what a large get costs by the shape of its chunks."};
  std::size_t size_bytes = 1u << 30;
  int rounds = 5;
  app.add_option("--size", size_bytes, "bytes of the file")
      ->check(CLI::Range(std::size_t{16} << 20, std::size_t{64} << 30))
      ->capture_default_str();
  app.add_option("--rounds", rounds)->check(CLI::Range(1, 100))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(size_bytes, rounds);
  } catch (const std::exception& error) {
    fmt::print(stderr, "chunk-shapes: {}\n", error.what());
    return 1;
  }
}
