// The locks that belong to a session, as far as the session itself has to know them: the shortest
// time to live among them sets the pace of its heartbeats, and a server that was restarted is asked
// about each of them before it is asked anything else. Plain state; sends nothing. The session's
// thread. Read on: client/session.cpp, docs/protocol.md, "Locks".
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "client/ttl_counts.hpp"

namespace sluice::client {

class SessionLocks {
 public:
  using Time = runtime::Time;

  /// A question to the server that is not answered yet.
  struct Question {
    /// Empty: the one that follows all others.
    std::string token;
    /// When it was asked, in unadjusted time.
    Time wall{};
  };

  void add(const std::string& token, Time ttl);
  void remove(const std::string& token);
  /// By its number alone.
  void remove(std::uint64_t number);
  void clear();
  Time shortest_ttl() const { return ttls_.shortest(); }

  /// The server was restarted: it is to be asked about all.
  void doubt();
  /// Whether it has not answered all that yet.
  bool is_confirming() const { return !to_ask_.empty() || !asked_.empty() || last_; }
  /// Whether an answer is owed.
  bool is_asking() const { return !asked_.empty(); }
  /// What was asked was lost with the connection.
  void ask_again();
  /// A lock to ask about now, if less than `window` questions are under way; `asked` has to follow.
  std::optional<std::string> next(Time now, std::size_t window);
  void asked(std::uint64_t request_id, Question question);
  /// The question that this is the answer to.
  std::optional<Question> answered(std::uint64_t request_id);
  /// Whether the server is to hear now that there are no locks but those it was asked about: a
  /// question without a token; `asked` has to follow.
  bool take_last(Time now);
  /// The server cannot tell now.
  void put_off(const std::string& token, Time until);

 private:
  void remove(std::map<std::string, Time>::iterator lock);
  void ask_once_more(const std::string& token);

  /// Times to live by token.
  std::map<std::string, Time> locks_;
  TtlCounts ttls_;
  std::deque<std::string> to_ask_;
  std::map<std::uint64_t, Question> asked_;
  Time ask_at_{};
  /// A session that never held one need not say that there are none.
  bool ever_held_ = false;
  bool last_ = false;
};

}  // namespace sluice::client
