// changes SERVER CLIENTS: clients that put, rename, copy and remove in a directory of their own
// until standard input ends, each keeping in mind what the server has acknowledged. Prints for each
// client what has to be there, one line of JSON an entry, and then what went wrong on standard
// error. The server may be killed and started again meanwhile: every call has to get its answer.
// Run by test_kill.py and test_shutdown.py, which look at the tree itself.
#include <fmt/format.h>

#include <map>

#include "sluice/client.hpp"
#include "tests/system/content.hpp"
#include "tests/system/load.hpp"

namespace {

using sluice::system_test::content;

constexpr int names = 12;
constexpr int directories = 3;
// Now and then one that does not go into the log but through staging.
constexpr std::size_t small_most = 20'000;
constexpr std::size_t large_most = 1u << 20;

struct Stored {
  std::uint64_t id = 0;
  std::size_t size = 0;
};

/// One client and what it knows of its directory.
class Changer {
 public:
  Changer(const std::string& server, int index)
      : client_({.endpoint = server, .name = fmt::format("changes/{}", index)}),
        home_(fmt::format("c{}", index)),
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
        return put(any_name(), large_most);
      default:
        return put(any_name(), small_most);
    }
  }

  std::string expected() const {
    std::string text;
    for (const auto& directory : directories_)
      text += fmt::format("{{\"path\": \"{}/{}\", \"kind\": \"directory\"}}\n", home_, directory);
    for (const auto& [path, stored] : files_)
      text += fmt::format("{{\"path\": \"{}/{}\", \"kind\": \"file\", \"size\": {}, \"id\": {}}}\n",
                          home_, path, stored.size, stored.id);
    return text;
  }

 private:
  std::string full(const std::string& path) const { return home_ + "/" + path; }

  std::string any_name() {
    const auto pick = random_() % (directories_.size() + 1);
    const std::string name = fmt::format("f{}", random_() % names);
    return pick == directories_.size() ? name : directories_[pick] + "/" + name;
  }
  std::string any_file() {
    if (files_.empty()) put(any_name(), small_most);
    auto at = files_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_() % files_.size()));
    return at->first;
  }

  void put(const std::string& path, std::size_t most) {
    const Stored stored{++next_id_, sluice::system_test::any_size(random_, most)};
    client_.put_bytes(full(path), content(stored.id, stored.size));
    files_[path] = stored;
  }
  void remove(const std::string& path) {
    client_.remove(full(path));
    files_.erase(path);
  }
  void copy(const std::string& from, const std::string& to) {
    if (from == to) return;
    client_.copy(full(from), full(to));
    files_[to] = files_.at(from);
  }
  void rename(const std::string& from, const std::string& to) {
    if (from == to) return;
    client_.rename(full(from), full(to));
    files_[to] = files_.at(from);
    files_.erase(from);
  }
  void make_directory(const std::string& path) {
    client_.make_directory(full(path));
    directories_.push_back(path);
  }
  // A directory with all that is in it gets another name, or goes and a new one is made.
  void move_directory() {
    const std::string old = directories_[random_() % directories_.size()];
    const std::string fresh = fmt::format("d{}", ++last_directory_ + directories);
    const bool keep = random_() % 2 == 0;
    if (keep)
      client_.rename(full(old), full(fresh));
    else
      client_.remove(full(old), true);
    std::erase(directories_, old);
    std::map<std::string, Stored> left;
    for (const auto& [path, stored] : files_) {
      if (!path.starts_with(old + "/"))
        left[path] = stored;
      else if (keep)
        left[fresh + path.substr(old.size())] = stored;
    }
    files_ = std::move(left);
    if (keep)
      directories_.push_back(fresh);
    else
      make_directory(fresh);
  }

  sluice::Client client_;
  const std::string home_;
  std::mt19937_64 random_;
  std::uint64_t next_id_;
  std::uint64_t steps_ = 0;
  int last_directory_ = 0;
  std::map<std::string, Stored> files_;
  std::vector<std::string> directories_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  sluice::system_test::Load load("changes");
  return load.run(std::stoi(argv[2]), [&](int index) {
    Changer changer(argv[1], index);
    changer.begin();
    while (!load.has_ended()) {
      changer.step();
      load.count_step();
    }
    load.print(changer.expected());
  });
}
