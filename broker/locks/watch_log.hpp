// The last changes of tree and locks in the order of their numbers, and who waits to hear of the
// next ones. A pure data structure without time, sessions or messages; used by the lock actor's
// thread alone. Read on: lock_watches.cpp, docs/architecture.md ("One event, hop by hop").
//
// Order. A commit draws its number when it goes to the publisher and is known to have happened only
// when that has answered, and a grant when it is written down; releases are done when they draw
// theirs. So what has a larger number than one under way is held back until that one has come to
// its end: told is all up to `now`, in the order of numbers.
//
// Bounds. History and what is held back share their bounds. What is too old is forgotten; should
// what is held back alone be too much, it is forgotten too, and everybody hears of a gap.
//
// Cost. An event looks for those who wait at its path and at each directory above, and (where it
// changes all beneath it) beneath: steps for the depth of its path and for those who hear it, not
// for all who wait.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/locks/path_index.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/watch.hpp"

namespace sluice::broker::locks {

class WatchLog {
 public:
  using Event = protocol::WatchEvent;
  using Reply = protocol::WatchReply;
  struct Bounds {
    std::size_t events = protocol::limits::watch_history;
    std::size_t bytes = protocol::limits::watch_history_bytes;
    /// Of one reply. More only where the paths of one number alone are more.
    std::size_t reply_events = protocol::limits::watch_events;
    std::size_t reply_bytes = protocol::limits::body_bytes / 2;
    /// Of one to those who waited, of whom many may be answered at once: the first of it.
    std::size_t woken_bytes = 16u << 10;
    /// Numbers that one reply looks through.
    std::size_t scan = protocol::limits::watch_scan;
  };
  /// Where to look, and after which number.
  struct Question {
    std::string path;
    bool recursive = false;
    std::uint64_t after = 0;
  };

  /// Knows nothing of what happened up to `last`, which is smaller than any number to come.
  explicit WatchLog(std::uint64_t last) : WatchLog(last, Bounds()) {}
  WatchLog(std::uint64_t last, const Bounds& bounds)
      : bounds_(bounds), floor_(last), now_(last), drawn_(last) {}

  /// The number was drawn, and what becomes of it is not known yet. Numbers grow from call to call,
  /// of this and of `tell`.
  void begin(std::uint64_t number);
  /// What came of a number, whether begun or just drawn: events without their version, or none.
  void tell(std::uint64_t number, std::vector<Event> events);
  /// Something happened before this number, just drawn, that cannot be told: a gap.
  void lose(std::uint64_t number);

  /// All up to this number is told.
  std::uint64_t now() const { return now_; }
  /// What is known after `question.after`. It may stop early, with `next` below `now`.
  Reply read(const Question& question) const { return read(question, bounds_.reply_bytes); }
  /// Whether the reply says anything, or that there is more to be asked for.
  bool is_worth_telling(const Reply& reply) const {
    return !reply.events.empty() || reply.gap || reply.next < now_;
  }

  /// Waits for what is to come; `read` had nothing. Once for each id.
  void park(Id id, Question question);
  /// For one whose time is over: that there was nothing.
  Reply nothing(Id id) const { return {{}, std::max(now_, parked_.at(id).after), false}; }
  /// Does not wait any more; unknown ones too.
  void unpark(Id id);
  std::size_t parked() const { return parked_.size(); }
  /// Whether it will be among the next `take_answers`.
  bool is_woken(Id id) const { return woken_.contains(id); }
  /// Those who have something to hear since the last call, and what; they do not wait any more.
  std::vector<std::pair<Id, Reply>> take_answers();

  /// Events in the history and held back.
  std::size_t size() const { return events_; }

 private:
  /// A number with all its events, packed: most are forgotten without having been read.
  struct Record {
    std::uint64_t version = 0;
    std::size_t events = 0;
    std::size_t bytes = 0;
    std::string packed;
  };
  struct Held {
    /// Not under way any more.
    bool ended = false;
    bool lost = false;
    std::vector<Event> events;
    std::size_t bytes = 0;
  };
  struct Place {
    std::set<Id> direct;
    std::set<Id> recursive;
  };
  Reply read(const Question& question, std::size_t most_bytes) const;
  static std::size_t bytes_of(const std::vector<Event>& events);
  void end(std::uint64_t number, Held held);
  void release();
  void make_room();
  void forget_history(std::uint64_t up_to);
  void forget_held();
  void discount(std::size_t events, std::size_t bytes);
  void wake(std::uint64_t version, const std::vector<Event>& events);
  void wake_at(std::string_view path, bool all_beneath, std::uint64_t version);
  void wake(const std::set<Id>& ids, std::uint64_t version);

  Bounds bounds_;
  std::deque<Record> history_;
  std::map<std::uint64_t, Held> held_;
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  /// What happened up to here is not known any more.
  std::uint64_t floor_;
  std::uint64_t now_;
  /// The last number drawn.
  std::uint64_t drawn_;

  std::unordered_map<Id, Question> parked_;
  std::map<std::string, Place, std::less<>> places_;
  /// Who has something to hear, and the first number of it; in the order of arrival.
  std::map<Id, std::uint64_t> woken_;
};

}  // namespace sluice::broker::locks
