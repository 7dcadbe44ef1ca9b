// The lock table against a naive model that compares everything with everything, from many seeds.
#include <algorithm>
#include <random>

#include "broker/locks/lock_table.hpp"
#include "protocol/path.hpp"
#include "tests/support/catch.hpp"

namespace {

using namespace sluice::broker::locks;
using Claims = std::vector<sluice::protocol::LockClaim>;
using Ids = std::vector<Id>;

// The rules of lock_table.hpp, word by word.
class NaiveTable {
 public:
  bool submit(const Request& request) {
    entries_.push_back({request, false});
    return settle() == Ids{request.id};
  }
  Ids remove(Id id) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.request.id == id; });
    return settle();
  }
  // Whether this holder may ask to become exclusive: it is no converting one, and meets none.
  bool may_convert(Id id) const {
    const Entry& entry = at(id);
    if (!entry.held || is_commit(entry) || is_upgrade(entry)) return false;
    return std::none_of(entries_.begin(), entries_.end(), [&](const Entry& other) {
      return is_upgrade(other) && (other.holder == id || meet(other, entry));
    });
  }
  bool converts(Id id) const {
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](const Entry& other) { return is_upgrade(other) && other.holder == id; });
  }
  bool upgrade(Id id, Id holder) {
    Entry entry{{id, Kind::upgrade, at(holder).request.claims}, false, holder};
    for (auto& claim : entry.request.claims) claim.shared = false;
    entries_.push_back(std::move(entry));
    return settle() == Ids{id};
  }
  Ids downgrade(Id holder) {
    for (auto& claim : at(holder).request.claims) claim.shared = true;
    return settle();
  }
  bool can_go(const Request& request) const { return can_go(Entry{request, false}); }
  Ids ids() const {
    Ids ids;
    for (const Entry& entry : entries_) ids.push_back(entry.request.id);
    return ids;
  }
  Ids list(const std::string& path) const {
    Ids ids;
    for (const Entry& entry : entries_)
      if (!(entry.held && is_commit(entry)) && !is_upgrade(entry) &&
          std::any_of(entry.request.claims.begin(), entry.request.claims.end(),
                      [&](const auto& claim) {
                        return touch(claim, {path, true, false});
                      }))
        ids.push_back(entry.request.id);
    return ids;
  }
  bool two_conflicting_holders() const {
    for (const Entry& a : entries_)
      for (const Entry& b : entries_)
        if (a.held && b.held && a.request.id != b.request.id && conflict(a, b)) return true;
    return false;
  }

 private:
  struct Entry {
    Request request;
    bool held = false;
    Id holder = 0;
  };
  Entry& at(Id id) {
    return *std::find_if(entries_.begin(), entries_.end(),
                         [&](const Entry& entry) { return entry.request.id == id; });
  }
  const Entry& at(Id id) const { return const_cast<NaiveTable*>(this)->at(id); }
  static bool is_upgrade(const Entry& entry) { return entry.request.kind == Kind::upgrade; }
  static bool meet(const Entry& a, const Entry& b) {
    for (const auto& one : a.request.claims)
      for (const auto& other : b.request.claims)
        if (touch(one, other)) return true;
    return false;
  }
  static bool is_commit(const Entry& entry) { return entry.request.kind == Kind::commit; }
  static bool touch(const sluice::protocol::LockClaim& a, const sluice::protocol::LockClaim& b) {
    return a.path == b.path || (a.tree && sluice::protocol::is_within(b.path, a.path)) ||
           (b.tree && sluice::protocol::is_within(a.path, b.path));
  }
  static bool conflict(const Entry& a, const Entry& b) {
    if (is_commit(a) && is_commit(b)) return false;
    const bool explicit_both = !is_commit(a) && !is_commit(b);
    for (const auto& one : a.request.claims)
      for (const auto& other : b.request.claims)
        if (touch(one, other) && !(explicit_both && one.shared && other.shared)) return true;
    return false;
  }
  bool next_up(const Entry& waiter) const {
    if (is_commit(waiter) || is_upgrade(waiter)) return false;
    for (const Entry& other : entries_) {
      if (other.request.id == waiter.request.id || !conflict(other, waiter)) continue;
      if (other.held && !is_commit(other)) return false;
      if (!other.held && other.request.id < waiter.request.id) return false;
    }
    return true;
  }
  bool can_go(const Entry& entry) const {
    for (const Entry& other : entries_) {
      if (other.request.id == entry.request.id || !conflict(other, entry)) continue;
      if (is_upgrade(entry)) {
        if (other.request.id == entry.holder || is_upgrade(other)) continue;
        if (other.held ? !is_commit(other) : next_up(other)) return false;
        continue;
      }
      const bool earlier_waiter = !other.held && other.request.id < entry.request.id;
      if (is_commit(entry)) {
        if (is_commit(other) || is_upgrade(other)) continue;
        if (other.held || (earlier_waiter && next_up(other))) return false;
      } else if (other.held || earlier_waiter) {
        return false;
      }
    }
    return true;
  }
  // Lets go whoever can, in order, until nobody can.
  Ids settle() {
    Ids granted;
    for (bool again = true; again;) {
      again = false;
      for (Entry& entry : entries_) {
        if (entry.held || !can_go(entry)) continue;
        granted.push_back(entry.request.id);
        again = true;
        if (is_upgrade(entry)) {
          at(entry.holder).request.claims = entry.request.claims;
          std::erase_if(entries_,
                        [&](const Entry& done) { return done.request.id == granted.back(); });
          break;
        }
        entry.held = true;
        break;
      }
    }
    return granted;
  }
  std::vector<Entry> entries_;
};

class Random {
 public:
  explicit Random(unsigned seed) : random_(seed) {}
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }
  std::string path() {
    static const char* const paths[] = {"",      "a", "a/b", "a/b/c", "a/b/d", "a/e",
                                        "a/e/f", "g", "g/h", "g/h/i", "ab",    "k"};
    return paths[below(std::size(paths))];
  }
  Request request(Id id) {
    Request request{id, below(5) < 2 ? Kind::commit : Kind::explicit_lock, {}};
    for (unsigned n = 1 + below(3); n > 0; --n) {
      std::string name = path();
      const bool tree = below(4) == 0 && !(name.empty() && below(3) != 0);
      const bool shared = request.kind == Kind::explicit_lock && below(3) == 0;
      request.claims.push_back({std::move(name), tree, shared});
    }
    return request;
  }

 private:
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("random requests, conversions and releases: as the naive model", "[locks][random]") {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    LockTable table;
    NaiveTable model;
    Id last = 0;
    const unsigned crowd = 4 + random.below(20);
    for (int step = 0; step < 200; ++step) {
      const Ids ids = model.ids();
      if (ids.size() < crowd && random.below(2) == 0) {
        const Request request = random.request(++last);
        const bool can_go = model.can_go(request);
        REQUIRE(table.blocker(request.kind, request.claims).has_value() == !can_go);
        REQUIRE(model.submit(request) == can_go);
        REQUIRE(table.submit(request) == can_go);
      } else if (!ids.empty()) {
        const Id id = ids[random.below(static_cast<unsigned>(ids.size()))];
        if (random.below(3) == 0 && model.may_convert(id)) {
          if (random.below(2) == 0) {
            REQUIRE(table.downgrade(id) == model.downgrade(id));
          } else {
            REQUIRE_FALSE(table.meets_conversion(id));
            ++last;
            REQUIRE(table.upgrade(last, id) == model.upgrade(last, id));
          }
        } else if (!model.converts(id)) {
          REQUIRE(table.remove(id) == model.remove(id));
        }
      }
      if (step % 10 == 0) {
        const std::string path = random.path();
        Ids listed;
        for (Id after = 0, last_page = 0; last_page == 0; last_page = after == 0) {
          const auto page = table.list(path, after, 1 + step % 5, 1 + step % 30);
          listed.insert(listed.end(), page.ids.begin(), page.ids.end());
          after = page.next_after;
        }
        REQUIRE(listed == model.list(path));
        REQUIRE_FALSE(model.two_conflicting_holders());
      }
    }
    for (Ids ids = model.ids(); !ids.empty(); ids = model.ids())
      for (const Id id : ids)
        if (!model.converts(id)) REQUIRE(table.remove(id) == model.remove(id));
    REQUIRE(table.size() == 0);
    REQUIRE(table.index().nodes() == 0);
  }
}
