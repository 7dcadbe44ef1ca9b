// changes SERVER CLIENTS [MIB]: clients that put, rename, copy and remove in a directory of their
// own until standard input ends, each keeping in mind what the server has acknowledged. Prints for
// each client what has to be there, one line of JSON an entry, and then what went wrong on standard
// error. The server may be killed and started again meanwhile: every call has to get its answer.
// Large files have up to MIB MiB (1). Run by test_kill.py, test_shutdown.py and test_power_loss.py,
// which look at the tree itself.
#include <fmt/format.h>

#include <map>
#include <optional>

#include "sluice/client.hpp"
#include "tests/system/content.hpp"
#include "tests/system/load.hpp"

namespace {

using sluice::system_test::content;

constexpr int names = 12;
constexpr int directories = 3;
constexpr std::size_t small_most = 20'000;
// Longer than any test leaves them without a server.
constexpr std::chrono::minutes reconnect_limit{5};

struct Stored {
  std::uint64_t id = 0;
  std::size_t size = 0;
};

/// What is in one client's directory.
struct State {
  std::map<std::string, Stored> files;
  std::vector<std::string> directories;
};

/// The entries of a state, each as JSON.
std::vector<std::string> entries(const std::string& home, const State& state) {
  std::vector<std::string> texts;
  for (const auto& directory : state.directories)
    texts.push_back(fmt::format(R"({{"path": "{}/{}", "kind": "directory"}})", home, directory));
  for (const auto& [path, stored] : state.files)
    texts.push_back(fmt::format(R"({{"path": "{}/{}", "kind": "file", "size": {}, "id": {}}})",
                                home, path, stored.size, stored.id));
  return texts;
}

/// What one client expects: what was acknowledged, and what that becomes by the change that is
/// asked for and not answered. Written by the client's thread, read by the one that tells.
class Expectation {
 public:
  /// For the client's own thread, which alone writes.
  const State& now() const { return now_; }

  void ask(State next) {
    const std::lock_guard lock(mutex_);
    next_ = std::move(next);
  }
  void acknowledge() {
    const std::lock_guard lock(mutex_);
    now_ = std::move(*next_);
    next_.reset();
  }
  std::string told(const std::string& home) const {
    const std::lock_guard lock(mutex_);
    const auto list = [&](const State& state) {
      return fmt::format("[{}]", fmt::join(entries(home, state), ", "));
    };
    return fmt::format(R"({{"now": {}, "next": {}}})", list(now_), next_ ? list(*next_) : "null");
  }

 private:
  mutable std::mutex mutex_;
  State now_;
  std::optional<State> next_;
};

std::string home_of(int index) {
  return fmt::format("c{}", index);
}

/// One client and what it knows of its directory.
class Changer {
 public:
  Changer(const std::string& server, int index, std::size_t large_most, Expectation& expectation)
      : client_({.endpoint = server,
                 .name = fmt::format("changes/{}", index),
                 .reconnect_limit = reconnect_limit}),
        home_(home_of(index)),
        large_most_(large_most),
        expectation_(expectation),
        random_(static_cast<std::uint64_t>(index) + 1),
        next_id_((static_cast<std::uint64_t>(index) + 1) << 32) {}

  void begin() {
    client_.make_directory(home_, true);
    for (int i = 0; i < directories; ++i) make_directory(fmt::format("d{}", i));
  }

  /// One change. Throws what the call threw, having noted nothing.
  void step() {
    ++steps_;
    switch (random_() % 12) {
      case 0:
        return remove(any_file());
      case 1:
        return copy(any_file(), any_name());
      case 2:
      case 3:
      case 4:
        return rename(any_file(), any_name());
      case 5:
        return steps_ % 8 == 0 ? move_directory() : put(any_name(), small_most);
      case 6:
        return put(any_name(), large_most_);
      default:
        return put(any_name(), small_most);
    }
  }

  std::string expected() const {
    return fmt::format("{}\n", fmt::join(entries(home_, now()), "\n"));
  }

 private:
  std::string full(const std::string& path) const { return home_ + "/" + path; }
  const State& now() const { return expectation_.now(); }

  std::string any_name() {
    const auto pick = random_() % (now().directories.size() + 1);
    const std::string name = fmt::format("f{}", random_() % names);
    return pick == now().directories.size() ? name : now().directories[pick] + "/" + name;
  }
  std::string any_file() {
    if (now().files.empty()) put(any_name(), small_most);
    auto at = now().files.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_() % now().files.size()));
    return at->first;
  }

  /// Asks for a change that makes `next` of what is there.
  template <typename Call>
  void change(State next, const Call& call) {
    expectation_.ask(std::move(next));
    call();
    expectation_.acknowledge();
  }
  void put(const std::string& path, std::size_t most) {
    const Stored stored{++next_id_, sluice::system_test::any_size(random_, most)};
    State next = now();
    next.files[path] = stored;
    change(next, [&] { client_.put_bytes(full(path), content(stored.id, stored.size)); });
  }
  void remove(const std::string& path) {
    State next = now();
    next.files.erase(path);
    change(next, [&] { client_.remove(full(path)); });
  }
  void copy(const std::string& from, const std::string& to) {
    if (from == to) return;
    State next = now();
    next.files[to] = next.files.at(from);
    change(next, [&] { client_.copy(full(from), full(to)); });
  }
  void rename(const std::string& from, const std::string& to) {
    if (from == to) return;
    State next = now();
    next.files[to] = next.files.at(from);
    next.files.erase(from);
    change(next, [&] { client_.rename(full(from), full(to)); });
  }
  void make_directory(const std::string& path) {
    State next = now();
    next.directories.push_back(path);
    change(next, [&] { client_.make_directory(full(path)); });
  }
  // A directory with all that is in it gets another name, or goes and a new one is made.
  void move_directory() {
    const std::string old = now().directories[random_() % now().directories.size()];
    const std::string fresh = fmt::format("d{}", ++last_directory_ + directories);
    const bool keep = random_() % 2 == 0;
    State next{.files = {}, .directories = now().directories};
    std::erase(next.directories, old);
    if (keep) next.directories.push_back(fresh);
    for (const auto& [path, stored] : now().files) {
      if (!path.starts_with(old + "/"))
        next.files[path] = stored;
      else if (keep)
        next.files[fresh + path.substr(old.size())] = stored;
    }
    change(next, [&] {
      if (keep)
        client_.rename(full(old), full(fresh));
      else
        client_.remove(full(old), true);
    });
    if (!keep) make_directory(fresh);
  }

  sluice::Client client_;
  const std::string home_;
  const std::size_t large_most_;
  Expectation& expectation_;
  std::mt19937_64 random_;
  std::uint64_t next_id_;
  std::uint64_t steps_ = 0;
  int last_directory_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  sluice::system_test::Load load("changes");
  const int clients = std::stoi(argv[2]);
  const std::size_t large_most = std::size_t{argc == 4 ? std::stoul(argv[3]) : 1} << 20;
  std::vector<Expectation> expectations(static_cast<std::size_t>(clients));
  const auto expectation = [&](int index) -> Expectation& {
    return expectations.at(static_cast<std::size_t>(index));
  };
  return load.run(
      clients,
      [&](int index) {
        Changer changer(argv[1], index, large_most, expectation(index));
        changer.begin();
        while (!load.has_ended()) {
          changer.step();
          load.count_step();
        }
        load.print(changer.expected());
      },
      [&](int index) { return expectation(index).told(home_of(index)); });
}
