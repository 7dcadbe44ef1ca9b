// What has really happened, told by listening at the lock actor and the publisher: every commit
// that was let through, what became of it, and what the tree must hold. After a crash nobody has
// said what became of the last ones; the tree then has to be what the first k of them make of it.
// Read on: model.hpp, lock_checker.hpp.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "protocol/messages/commits.hpp"
#include "tests/sim/model.hpp"

namespace sluice::sim {

/// The bytes of everything that was ever put, by digest.
class Contents {
 public:
  protocol::Digest add(const std::string& bytes) {
    const protocol::Digest root = protocol::root_of(protocol::leaves_of(bytes));
    bytes_[root] = bytes;
    return root;
  }
  bool knows(const protocol::Digest& root) const { return bytes_.contains(root); }

 private:
  std::map<protocol::Digest, std::string> bytes_;
};

class Truth {
 public:
  explicit Truth(World& world) : world_(world) {}

  /// The lock actor has let a commit through.
  void on_publish(const Message& message);
  /// The publisher says what became of it, in the moment in which it happens.
  void on_published(const Message& message);
  /// The lock actor has given out a number for a lock.
  void on_number(std::uint64_t number);
  /// The server is no more; what nobody has answered for may have happened or not.
  void on_server_gone();
  /// The server is back, its disk recovered.
  /// `disk_failed`: calls of the disk have failed since the start before, so that one of the open
  /// commits may have come to nothing although later ones happened. `power`: the power was lost,
  /// and may have taken relaxed puts.
  void on_recovered(const testing::SimStorage& storage, bool disk_failed, bool power);
  void check_tree(const testing::SimStorage& storage, const std::string& when) const;

  /// A client has heard that its change of `path`, asked for at that time, was made.
  void on_acknowledged(std::uint64_t session, const std::string& path, std::uint64_t version,
                       Micros asked);

  /// The server is set so for puts that do not say theirs.
  void relaxed_server(bool relaxed) { relaxed_server_ = relaxed; }
  /// Called with the path, and the bytes if they may come back with a repeat.
  std::function<void(const std::string& path, const protocol::Digest* root)> on_lost;
  std::size_t lost() const { return lost_count_; }
  std::size_t relaxed() const { return relaxed_count_; }

  /// A client has heard that its put of these bytes, which are like no others, came to nothing.
  void must_not_see(const protocol::Digest& root);

  const Model& model() const { return model_; }
  std::size_t commits() const { return done_.size(); }
  Contents contents;

 private:
  using Request = std::pair<std::uint64_t, std::uint64_t>;
  struct Pending {
    std::uint64_t number = 0;
    Request request;
    protocol::Commit commit;
  };
  struct Guess {
    std::vector<Pending> possible;
    /// The tree is what the first of these make of it: at least so many, at most so many.
    std::optional<std::size_t> fewest;
    std::size_t most = 0;
  };
  void happened(const Pending& pending);
  void weigh_durability(const Pending& pending, bool replaces);
  void lose(std::uint64_t version);
  /// `but` are left out of what was open, `lost` of what had happened.
  Guess guess(const testing::SimStorage& storage, const std::set<std::uint64_t>& but,
              const std::set<std::uint64_t>& lost = {}) const;
  bool may_have_happened(const Request& request, std::uint64_t version);
  void failed(const Pending& pending, const protocol::Published& outcome);

  World& world_;
  Model model_;
  std::map<std::uint64_t, Pending> pending_;
  /// Of commits. Grants are seen when they are answered, which may be after later numbers.
  std::uint64_t last_number_ = 0;
  std::set<std::uint64_t> numbers_;
  /// When the disk last failed a change that others may have been weighed against.
  Micros disk_failed_ = -1;
  /// Applied changes by request; failures that are remembered.
  std::map<Request, std::uint64_t> done_;
  std::map<Request, std::uint16_t> refused_;
  /// Changes that left no trace in a tree found after a crash; whether they happened shows later.
  std::map<Request, std::uint64_t> undecided_;
  /// Done as far as the tree tells, but the tree may be the same without them.
  std::set<Request> doubtful_;
  struct Made {
    Micros when;
    std::uint64_t session;
    std::string path;
    std::string to_path;
    bool acknowledged = false;
  };
  std::map<std::uint64_t, Made> made_;
  std::set<protocol::Digest> roots_made_;
  std::set<protocol::Digest> roots_refused_;
  /// Relaxed puts that a power loss may take, by version: small ones until something full was made,
  /// others until their server ends or they are renamed.
  std::map<std::uint64_t, Pending> losable_;
  bool relaxed_server_ = false;
  std::size_t lost_count_ = 0;
  std::size_t relaxed_count_ = 0;
};

}  // namespace sluice::sim
