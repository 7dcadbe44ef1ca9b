// Random histories against a model: what was answered is there after kills and power losses, in the
// publisher's work and in the replay itself, and of what was not answered a beginning at the most.
#include <map>

#include "protocol/path.hpp"
#include "tests/unit/publisher/fixture.hpp"

namespace sluice::tests {
namespace {

struct Node {
  bool directory = false;
  std::uint64_t version = 0;
  std::string bytes;
  bool operator==(const Node&) const = default;
};
using Tree = std::map<std::string, Node>;

std::string shown(const Tree& tree) {
  std::string text;
  for (const auto& [path, node] : tree)
    text += "\n  " + path + (node.directory ? "/" : " " + std::to_string(node.version));
  return text;
}

bool is_directory(const Tree& tree, const std::string& path) {
  const auto found = tree.find(path);
  return path.empty() || (found != tree.end() && found->second.directory);
}

bool has_children(const Tree& tree, const std::string& path) {
  const auto after = tree.lower_bound(path + "/");
  return after != tree.end() && after->first.starts_with(path + "/");
}

Tree cut_out(Tree& tree, const std::string& path) {
  Tree part;
  for (auto at = tree.begin(); at != tree.end();) {
    if (protocol::is_within(at->first, path)) {
      part.insert(*at);
      at = tree.erase(at);
    } else {
      ++at;
    }
  }
  return part;
}

bool model_rename(Tree& tree, const Commit& commit) {
  const auto from = tree.find(commit.path);
  if (from == tree.end()) return false;
  const bool directory = from->second.directory;
  if (commit.path == commit.to_path) return true;
  if (directory && protocol::is_within(commit.to_path, commit.path)) return false;
  if (!is_directory(tree, std::string(protocol::parent_of(commit.to_path)))) return false;
  const auto to = tree.find(commit.to_path);
  if (to != tree.end() && (directory || to->second.directory)) return false;
  for (auto& [path, node] : cut_out(tree, commit.path))
    tree[commit.to_path + path.substr(commit.path.size())] = node;
  return true;
}

/// Does the commit to the model; says whether it can be done.
bool model(Tree& tree, const Commit& commit, std::uint64_t number, const std::string& bytes) {
  const bool parent = is_directory(tree, std::string(protocol::parent_of(commit.path)));
  const auto at = tree.find(commit.path);
  const bool there = at != tree.end();
  switch (commit.kind) {
    case ChangeKind::put:
      if (!parent || (there && at->second.directory)) return false;
      tree[commit.path] = {false, number, bytes};
      return true;
    case ChangeKind::remove:
      if (!there) return false;
      if (at->second.directory && has_children(tree, commit.path) && !commit.recursive)
        return false;
      cut_out(tree, commit.path);
      return true;
    case ChangeKind::rename:
      return model_rename(tree, commit);
    case ChangeKind::make_directory:
      if (!parent || there) return false;
      tree[commit.path] = {true, 0, ""};
      return true;
    default:
      return false;
  }
}

struct History : Fixture {
  explicit History(std::uint64_t seed) : random(seed) {
    for (const char* path : {"a", "x/b", "x/y/c"}) {
      storage.plant(path, std::string("by hand ") + path);
      expected[path] = {false, 0, std::string("by hand ") + path};
    }
    expected["x"] = expected["x/y"] = {true, 0, ""};
    config.checkpoint_bytes = 1500;
    config.batch_commits = 1 + testing::below(random, 5);
  }

  std::string any_path() {
    static const std::vector<std::string> paths = {"a",     "b",   "x",     "y",     "x/a",
                                                   "x/b",   "x/y", "y/a",   "y/b",   "x/y/c",
                                                   "x/y/a", "y/y", "y/y/c", "y/y/a", "z"};
    return paths[testing::below(random, paths.size())];
  }

  void send_any() {
    const std::string bytes = "bytes " + std::to_string(number + 1);
    const std::string path = any_path();
    Commit commit;
    protocol::Payload payload;
    switch (testing::below(random, 8)) {
      case 0:
      case 1:
        commit = put_commit(path, bytes);
        payload = protocol::Payload::of(bytes);
        break;
      case 2:
        commit = upload_commit(path, bytes);
        break;
      case 3:
      case 4:
      case 5:
        commit = change(ChangeKind::rename, path, any_path());
        break;
      case 6:
        commit = change(ChangeKind::remove, path);
        commit.recursive = testing::chance(random, 50);
        break;
      default:
        commit = change(ChangeKind::make_directory, path);
    }
    // Before it is sent: the process may be killed in the middle of that.
    pending.push_back({request + 1, number + 1, commit, bytes});
    send(commit, payload);
  }

  struct Sent {
    std::uint64_t request;
    std::uint64_t number;
    Commit commit;
    std::string bytes;
  };

  void deliver(runtime::Message&& message) override {
    publisher->on_message(std::move(message), now, outbox);
  }

  /// Takes the answers there are, checking each against the model. The checkpointer is slow at
  /// times.
  void take_answers() {
    for (auto& message : outbox.take()) {
      if (message.peer == checkpointer) {
        checkpoint = std::move(message);
        continue;
      }
      const auto body = protocol::decode<Published>(message.body);
      REQUIRE(body);
      REQUIRE_FALSE(pending.empty());
      const Sent sent = pending.front();
      pending.erase(pending.begin());
      REQUIRE(message.header.request_id == sent.request);
      const bool done = model(expected, sent.commit, sent.number, sent.bytes);
      INFO(sent.commit.path << " -> " << sent.commit.to_path << " kind "
                            << static_cast<int>(sent.commit.kind) << " told " << code_of(*body));
      REQUIRE((body->code == 0) == done);
      ++answered;
    }
    if (!checkpoint || testing::chance(random, 30)) return;
    deliver(checkpointed(*std::exchange(checkpoint, std::nullopt)));
    take_answers();
  }

  Tree on_disk() const {
    Tree tree;
    for (const auto& [path, file] : storage.files()) tree[path] = {false, file.version, file.bytes};
    for (const auto& path : storage.directories()) tree[path] = {true, 0, ""};
    return tree;
  }

  /// After a restart: what was answered, and a beginning of what was not.
  void check_restarted() {
    const Tree found = on_disk();
    for (const Sent& sent : pending) {
      if (found == expected) break;
      model(expected, sent.commit, sent.number, sent.bytes);
    }
    pending.clear();
    INFO("found:" << shown(found));
    INFO("expected:" << shown(expected));
    REQUIRE(found == expected);
    CHECK(notes.empty());
    for (const std::string& left : storage.litter()) CHECK(left.rfind("claimed/", 0) != 0);
  }

  void restart() {
    if (testing::chance(random, 60))
      power_loss(random);
    else
      crash();
    for (int tries = 0;; ++tries) {
      if (tries < 5 && testing::chance(random, 60))
        faults.kill_after(1 + testing::below(random, 30));
      try {
        const auto recovered = start(config);
        faults.clear();
        if (!recovered) FAIL(recovered.error().path << ": " << recovered.error().detail);
        break;
      } catch (const testing::Killed&) {
        if (testing::chance(random, 50))
          power_loss(random);
        else
          crash();
      }
    }
    check_restarted();
    request += 1;  // what a killed process had staged keeps its name
  }

  void live() {
    try {
      if (testing::chance(random, 70)) faults.kill_after(1 + testing::below(random, 150));
      for (int rounds = 1 + static_cast<int>(testing::below(random, 20)); rounds > 0; --rounds) {
        for (std::uint64_t i = testing::below(random, 5) + 1; i > 0; --i) send_any();
        publisher->on_drained(now, outbox);
        take_answers();
        now += runtime::Time(testing::below(random, 20'000));
        if (publisher->next_tick() <= now) publisher->on_tick(now, outbox);
      }
    } catch (const testing::Killed&) {
    }
    faults.clear();
    outbox.take();
    checkpoint.reset();
  }

  testing::Random random;
  runtime::Time now{0};
  runtime::Outbox outbox;
  std::optional<runtime::Message> checkpoint;
  int answered = 0;
  PublisherConfig config;
  Tree expected;
  std::vector<Sent> pending;
};

TEST_CASE("histories: what was answered is there after kills and power losses") {
  int answered = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    INFO("seed " << seed);
    History history(seed);
    REQUIRE(history.start(history.config));
    for (int lives = 0; lives < 4; ++lives) {
      history.live();
      history.restart();
    }
    answered += history.answered;
  }
  CHECK(answered > 10'000);
}

}  // namespace
}  // namespace sluice::tests
