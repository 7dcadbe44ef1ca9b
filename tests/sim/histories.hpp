// What clients asked and heard, path by path, and whether it is linearizable. Knows only what
// clients know: it would find the same faults from outside of any server. Read on:
// path_object.hpp, client.hpp.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "protocol/messages/changes.hpp"
#include "protocol/messages/files.hpp"
#include "protocol/messages/locks.hpp"
#include "tests/sim/path_object.hpp"
#include "tests/sim/world.hpp"
#include "tests/support/linearizable.hpp"

namespace sluice::sim {

class Histories {
 public:
  explicit Histories(World& world) : world_(world) {}

  // --- changes: asked for, and what came of it; without the latter it may happen any time ---
  std::size_t asks(const protocol::Put& put);
  std::size_t asks(const protocol::WriteCommit& commit);
  std::size_t asks(const protocol::Remove& remove);
  std::size_t asks(const protocol::Rename& rename);
  std::size_t asks(const protocol::Copy& copy);
  std::size_t asks(const protocol::MakeDirectory& make);
  std::size_t asks(const protocol::SetAttributes& set);
  void made(std::size_t change);
  /// It has not happened and never will.
  void refused(std::size_t change);

  /// A power loss took a relaxed put from the path. With `root` nobody had heard that it was made:
  /// a repeat may make it once more.
  void lost(const std::string& path, const protocol::Digest* root);

  // --- reads ---
  void saw(const std::string& path, const protocol::Attributes& attributes, Micros asked);
  void saw_nothing(const std::string& path, Micros asked);

  // --- locks ---
  void granted(std::uint64_t number, const std::vector<protocol::LockClaim>& claims, Micros asked);
  std::size_t converts(std::uint64_t number, bool shared);
  void converted(std::size_t conversion);
  void not_converted(std::size_t conversion);
  void releases(std::uint64_t number);
  /// Somebody asks for it to be taken away; whether it is, its holder need not hear.
  void breaks(std::uint64_t number);
  /// The server says that it was held until it was released.
  void released(std::uint64_t number);

  /// Throws Violation. `ended` tells from when on nobody could rely on a lock that was not
  /// released.
  void check(const std::function<Micros(std::uint64_t)>& ended);
  std::size_t operations() const { return operations_; }
  /// Paths whose history was too tangled to decide about.
  std::size_t undecided() const { return undecided_; }

 private:
  using Kind = PathOperation::Kind;
  using Call = testing::Call<PathOperation>;
  struct Effect {
    std::string path;
    Kind kind{};
    Value value = absent;
    /// It concerns all beneath the path, but not the path.
    bool beneath = false;
  };
  struct Change {
    Micros asked = 0;
    Micros done = testing::open;
    bool refused = false;
    std::uint64_t token = 0;
    std::vector<Effect> effects;
  };
  struct Lock {
    std::vector<protocol::LockClaim> claims;
    Micros asked = 0;
    Micros granted = 0;
    Micros releasing = testing::open;
    Micros released = testing::open;
  };
  struct Conversion {
    std::uint64_t number = 0;
    bool shared = false;
    Micros asked = 0;
    Micros done = testing::open;
    bool refused = false;
  };
  struct Read {
    std::string path;
    Value value = absent;
    Micros asked = 0;
    Micros seen = 0;
  };
  std::size_t add(const protocol::Terms& terms, std::vector<Effect> effects);
  Value value_of(const protocol::Digest& root);
  std::vector<Call> calls_of(const std::string& path,
                             const std::function<Micros(std::uint64_t)>& ended) const;
  void add_changes(const std::string& path, std::vector<Call>& calls) const;

  World& world_;
  std::vector<Change> changes_;
  std::vector<Read> reads_;
  std::map<std::uint64_t, Lock> locks_;
  std::map<std::uint64_t, Micros> broken_;
  std::vector<Conversion> conversions_;
  std::map<protocol::Digest, Value> values_;
  std::size_t operations_ = 0;
  std::size_t undecided_ = 0;
};

}  // namespace sluice::sim
