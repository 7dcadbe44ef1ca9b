// registers SERVER CLIENTS: clients that lock files, read what the last holder has written, write
// something else and give the lock back, until standard input ends. Server and workers may be
// killed and started again meanwhile: no call may fail. What is judged, by the clients' own times
// of holding (from the grant's arrival to the release's departure): no two holders at once, no
// number twice or out of order, and every read is the last write that was acknowledged. Prints what
// each file has to be, one line of JSON each. Run by test_kill_locks.py.
#include <fmt/format.h>

#include <array>
#include <set>

#include "sluice/client.hpp"
#include "tests/system/content.hpp"
#include "tests/system/load.hpp"

namespace {

using namespace std::chrono_literals;
using sluice::system_test::content;
using sluice::system_test::Load;

constexpr std::size_t registers = 8;
constexpr std::size_t small_most = 4'000;
// Now and then one that goes through staging.
constexpr std::size_t large_most = 400'000;
constexpr auto wait = 120s;

/// What is known of one file.
struct Register {
  std::uint64_t id = 0;
  std::size_t size = 0;
  int readers = 0;
  int writers = 0;
  std::uint64_t last_writer = 0;
};

/// What all clients know together.
class Book {
 public:
  explicit Book(Load& load) : load_(load) {}

  void granted(std::size_t at, std::uint64_t number, bool shared) {
    const std::lock_guard lock(mutex_);
    Register& file = files_.at(at);
    if (!numbers_.insert(number).second)
      load_.complain(fmt::format("number {} was given twice", number));
    if (number <= file.last_writer)
      load_.complain(fmt::format("number {} came after {}", number, file.last_writer));
    if (file.writers > 0 || (!shared && file.readers > 0))
      load_.complain(fmt::format("r{} is held by {} writers and {} readers, and granted as {}", at,
                                 file.writers, file.readers, number));
    if (!shared) file.last_writer = number;
    ++(shared ? file.readers : file.writers);
  }
  void releasing(std::size_t at, bool shared) {
    const std::lock_guard lock(mutex_);
    --(shared ? files_.at(at).readers : files_.at(at).writers);
  }
  void check(std::size_t at, const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    const Register& file = files_.at(at);
    if (bytes != (file.id == 0 ? "" : content(file.id, file.size)))
      load_.complain(fmt::format("r{} has {} bytes of {:x}, not the {} of {:x}", at, bytes.size(),
                                 sluice::system_test::id_of(bytes), file.size, file.id));
  }
  void written(std::size_t at, std::uint64_t id, std::size_t size) {
    const std::lock_guard lock(mutex_);
    files_.at(at).id = id;
    files_.at(at).size = size;
  }

  std::string expected() const {
    std::string text;
    for (std::size_t i = 0; i < registers; ++i)
      text += fmt::format("{{\"path\": \"r/{}\", \"kind\": \"file\", \"size\": {}, \"id\": {}}}\n",
                          i, files_.at(i).size, files_.at(i).id);
    return text;
  }

 private:
  Load& load_;
  std::mutex mutex_;
  std::array<Register, registers> files_;
  std::set<std::uint64_t> numbers_;
};

class Holder {
 public:
  Holder(const std::string& server, int index, Book& book)
      : client_({.endpoint = server, .name = fmt::format("registers/{}", index)}),
        book_(book),
        random_(static_cast<std::uint64_t>(index) + 1),
        next_id_((static_cast<std::uint64_t>(index) + 1) << 32) {}

  void step() {
    const std::size_t at = random_() % registers;
    const bool shared = random_() % 4 == 0;
    const std::string path = fmt::format("r/{}", at);
    sluice::Lock lock = client_.acquire({{.path = path, .shared = shared}}, {.wait = wait});
    book_.granted(at, lock.number(), shared);
    book_.check(at, client_.get_bytes(path));
    if (!shared) {
      const std::uint64_t id = ++next_id_;
      const std::size_t size =
          sluice::system_test::any_size(random_, random_() % 16 == 0 ? large_most : small_most);
      client_.under(lock).put_bytes(path, content(id, size));
      book_.written(at, id, size);
    }
    book_.releasing(at, shared);
    lock.release();
  }

 private:
  sluice::Client client_;
  Book& book_;
  std::mt19937_64 random_;
  std::uint64_t next_id_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Load load("registers");
  Book book(load);
  sluice::Client client({.endpoint = argv[1]});
  client.make_directory("r");
  for (std::size_t i = 0; i < registers; ++i) client.put_bytes(fmt::format("r/{}", i), "");
  const int status = load.run(std::stoi(argv[2]), [&](int index) {
    Holder holder(argv[1], index, book);
    while (!load.has_ended()) {
      holder.step();
      load.count_step();
    }
  });
  fmt::print("{}", book.expected());
  return status;
}
