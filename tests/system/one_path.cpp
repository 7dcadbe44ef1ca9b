// one_path SERVER SECONDS: eight clients put self-checking files of 1 byte to 8 MiB to one path
// while four read it. Every read has to be one whole version, never an older one than a put that
// was answered before, and the version has to be the one that its writer was told. Prints one line
// of JSON; exits 1 with a line for each thing that was wrong. Run by test_one_path.py.
#include <fmt/format.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "sluice/client.hpp"
#include "tests/system/content.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using sluice::system_test::content;

constexpr const char* path = "shared/file";
constexpr std::size_t size_most = 8u << 20;
constexpr int writers = 8;
constexpr int readers = 4;

class OnePath {
 public:
  OnePath(std::string server, double seconds)
      : server_(std::move(server)),
        end_(Clock::now() +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}

  int run() {
    {
      sluice::Client client({.endpoint = server_});
      client.make_directory("shared", true);
      put(client, 1, 1);
    }
    std::vector<std::jthread> threads;
    for (int i = 0; i < writers; ++i) start(threads, [this, i] { write(i + 1); });
    for (int i = 0; i < readers; ++i) start(threads, [this] { read(); });
    threads.clear();
    compare();
    fmt::print("{{\"puts\": {}, \"gets\": {}, \"versions_seen\": {}, \"wrong\": {}}}\n",
               written_.size(), gets_.load(), seen_.size(), wrong_);
    return wrong_ == 0 ? 0 : 1;
  }

 private:
  struct Stored {
    std::uint64_t id = 0;
    std::size_t size = 0;
    bool operator==(const Stored&) const = default;
  };

  template <class Work>
  void start(std::vector<std::jthread>& threads, Work work) {
    threads.emplace_back([this, work] {
      try {
        work();
      } catch (const std::exception& error) {
        complain(error.what());
      }
    });
  }

  void put(sluice::Client& client, std::uint64_t id, std::size_t size) {
    const std::uint64_t version = client.put_bytes(path, content(id, size));
    std::lock_guard lock(mutex_);
    if (!written_.emplace(version, Stored{id, size}).second)
      complain_locked(fmt::format("version {} was given twice", version));
    newest_ = std::max(newest_, version);
  }

  void write(std::uint64_t index) {
    sluice::Client client({.endpoint = server_});
    std::mt19937_64 random(index);
    for (std::uint64_t round = 1; Clock::now() < end_; ++round)
      put(client, index << 32 | round, sluice::system_test::any_size(random, size_most));
  }

  void read() {
    sluice::Client client({.endpoint = server_});
    while (Clock::now() < end_) {
      std::uint64_t newest = 0;
      {
        std::lock_guard lock(mutex_);
        newest = newest_;
      }
      std::string bytes;
      const auto attributes =
          client.get(path, [&](std::uint64_t, std::string_view piece) { bytes += piece; });
      ++gets_;
      check(attributes, bytes, newest);
    }
  }

  void check(const sluice::Attributes& attributes, const std::string& bytes,
             std::uint64_t newest_before) {
    const std::uint64_t version = attributes.version;
    if (version < newest_before)
      complain(fmt::format("read version {} after {} was there", version, newest_before));
    if (attributes.size_bytes != bytes.size())
      complain(fmt::format("version {} has {} bytes, not {}", version, bytes.size(),
                           attributes.size_bytes));
    const std::uint64_t id = sluice::system_test::id_of(bytes);
    if (bytes.size() >= sluice::system_test::head_bytes && id == 0)
      complain(fmt::format("version {} is not whole", version));
    std::lock_guard lock(mutex_);
    const auto [at, fresh] = seen_.emplace(version, Stored{id, bytes.size()});
    if (!fresh && at->second != Stored{id, bytes.size()})
      complain_locked(fmt::format("version {} was read with two contents", version));
  }

  // Every put was answered, so every version that was read has to be known.
  void compare() {
    for (const auto& [version, read] : seen_) {
      const auto put = written_.find(version);
      if (put == written_.end())
        complain(fmt::format("nobody was told of version {}", version));
      else if (put->second.size != read.size || (read.id != 0 && put->second.id != read.id))
        complain(fmt::format("version {} was read as another's bytes", version));
    }
  }

  void complain(const std::string& text) {
    std::lock_guard lock(mutex_);
    complain_locked(text);
  }
  void complain_locked(const std::string& text) {
    if (wrong_++ < 20) fmt::print(stderr, "one_path: {}\n", text);
  }

  const std::string server_;
  const Clock::time_point end_;
  std::mutex mutex_;
  std::map<std::uint64_t, Stored> written_;
  std::map<std::uint64_t, Stored> seen_;
  std::uint64_t newest_ = 0;
  std::atomic<std::uint64_t> gets_ = 0;
  int wrong_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    return OnePath(argv[1], std::stod(argv[2])).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "one_path: {}\n", error.what());
    return 1;
  }
}
