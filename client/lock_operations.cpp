// The operations about locks, as `Start`s. A lock of the session becomes a `Lock`, which is told
// when it is lost; one of a named owner is no more than its token, which stands for it in all else.
// Any thread. Read on: client/operations.hpp, client/lock.cpp.
#include "client/agent.hpp"
#include "client/lock.hpp"
#include "client/operations.hpp"
#include "client/path_request.hpp"
#include "protocol/limits.hpp"
#include "protocol/path.hpp"
#include "protocol/token.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Result;
using std::chrono::milliseconds;

namespace {

std::uint64_t number_of(const std::string& token) {
  const auto parsed = protocol::parse_token(token);
  return parsed ? parsed->number : 0;
}

/// What errors call a lock of which only the token is known.
std::string name_of(std::uint64_t number) {
  return number == 0 ? "lock" : "lock " + std::to_string(number);
}

template <class T>
Start<T> refused(Code code, const std::string& what, const std::string& why) {
  return [=](Done<T> done) { done(protocol::fail(code, what, why)); };
}

Start<protocol::AcquireLockReply> ask_for(Core& core, const std::string& owner,
                                          const std::vector<Claim>& claims, const Acquire& how) {
  if (claims.size() > protocol::limits::claims)
    return refused<protocol::AcquireLockReply>(Code::too_large, {}, "a lock names up to 64 paths");
  if (how.ttl > milliseconds(0) && how.ttl < milliseconds(protocol::limits::ttl_min_ms))
    return refused<protocol::AcquireLockReply>(Code::usage, {}, "a lock lives for 0.1 s at least");
  Paths paths;
  for (const Claim& claim : claims) paths.push_back(claim.path);
  protocol::AcquireLock body;
  body.claims = to_wire(claims);
  body.wait_ms = to_ms(how.wait, protocol::limits::wait_max_ms);
  body.ttl_ms = to_ms(how.ttl, protocol::limits::ttl_max_ms);
  body.owner = owner;
  body.agent = how.agent ? *how.agent : agent_of_this_thread();
  body.under = how.under;
  return request<protocol::AcquireLockReply>(core, std::move(paths), body, how.stop,
                                             milliseconds(body.wait_ms));
}

/// Asks about a lock by its token.
template <class Reply, class M>
Start<Reply> ask_about(Core& core, const M& body, const std::stop_token& stop,
                       milliseconds more = {}) {
  auto start = request<Reply>(core, {name_of(number_of(body.token))}, body, stop, more);
  return [start = std::move(start), &connection = *core.connection,
          token = body.token](Done<Reply> done) {
    start([&connection, token, done = std::move(done)](Result<Reply>&& reply) {
      if (!reply) note_failure(connection, token, reply.error());
      done(std::move(reply));
    });
  };
}

/// Nothing but whether it went well.
template <class Reply>
Start<void> without_reply(Start<Reply> start) {
  return [start = std::move(start)](Done<void> done) {
    start([done = std::move(done)](Result<Reply>&& reply) {
      if (!reply) return done(tl::make_unexpected(std::move(reply.error())));
      done({});
    });
  };
}

}  // namespace

Start<Lock> Operations::acquire(const std::vector<Claim>& claims, const Acquire& how) const {
  const std::string path = claims.empty() ? std::string() : claims.front().path;
  return [start = ask_for(*core_, {}, claims, how), core = core_.get(), path,
          on_lost = how.on_lost](Done<Lock> done) {
    start([core, path, on_lost,
           done = std::move(done)](Result<protocol::AcquireLockReply>&& grant) mutable {
      if (!grant) return done(tl::make_unexpected(std::move(grant.error())));
      Connection& connection = *core->connection;
      const auto held = connection.held_locks().find_or_lost(*grant);
      auto lock = std::make_unique<Lock::Impl>();
      lock->connection = connection.weak_from_this();
      lock->held = held;
      lock->path = path;
      lock->patience = core->patience;
      lock->number = number_of(grant->token);
      // Only when nothing of the lock is left here, nor of what hears of it: a lock that nobody
      // wants ends on this thread, which must not wait for the application.
      std::exchange(done, nullptr)(Lock(std::move(lock)));
      if (!on_lost) return;
      held->watch().add(held, [held, path, on_lost] { on_lost(loss_of(*held, path)); });
    });
  };
}

Start<NamedLock> Operations::acquire_named(const std::string& owner,
                                           const std::vector<Claim>& claims,
                                           const Acquire& how) const {
  if (owner.empty() || owner.size() > protocol::limits::owner_bytes)
    return refused<NamedLock>(Code::usage, owner, "the name of an owner has 1 to 128 bytes");
  if (how.ttl <= milliseconds(0))
    return refused<NamedLock>(Code::usage, owner, "a lock of a named owner needs a time to live");
  if (!protocol::is_plain_text(owner))
    return refused<NamedLock>(Code::usage, {},
                              "the name of an owner is UTF-8 without control characters");
  return [start = ask_for(*core_, owner, claims, how), core = core_.get()](Done<NamedLock> done) {
    start([core, done = std::move(done)](Result<protocol::AcquireLockReply>&& grant) {
      if (!grant) return done(tl::make_unexpected(std::move(grant.error())));
      // The session's fate is not the lock's.
      core->connection->held_locks().remove(grant->token);
      done(NamedLock{grant->token, number_of(grant->token), milliseconds(grant->ttl_ms)});
    });
  };
}

Start<milliseconds> Operations::renew(const std::string& token, const Call& call) const {
  auto start = ask_about<protocol::RenewLockReply>(*core_, protocol::RenewLock{token}, call.stop);
  return [start = std::move(start)](Done<milliseconds> done) {
    start([done = std::move(done)](Result<protocol::RenewLockReply>&& reply) {
      if (!reply) return done(tl::make_unexpected(std::move(reply.error())));
      done(milliseconds(reply->ttl_ms));
    });
  };
}

Start<void> Operations::upgrade(const std::string& token, const Upgrade& how) const {
  const auto body = conversion(token, false, how);
  return without_reply(
      ask_about<protocol::ConvertLockReply>(*core_, body, how.stop, milliseconds(body.wait_ms)));
}

Start<void> Operations::downgrade(const std::string& token, const Call& call) const {
  return without_reply(
      ask_about<protocol::ConvertLockReply>(*core_, conversion(token, true, {}), call.stop));
}

Start<void> Operations::release(const std::string& token, const Call& call) const {
  auto start =
      ask_about<protocol::ReleaseLockReply>(*core_, protocol::ReleaseLock{token}, call.stop);
  return [start = without_reply(std::move(start)), &connection = *core_->connection,
          token](Done<void> done) {
    start([&connection, token, done = std::move(done)](Result<void>&& released) {
      // There may be a Lock of it.
      if (released)
        connection.held_locks().lose(token, {Code::fenced, {}, "it was given back by its token"});
      done(std::move(released));
    });
  };
}

Start<void> Operations::break_lock(std::uint64_t number, const Call& call) const {
  return without_reply(request<protocol::BreakLockReply>(*core_, {name_of(number)},
                                                         protocol::BreakLock{number}, call.stop));
}

Result<void> Operations::locks(const std::string& path, const LockPage& page,
                               const Call& call) const {
  protocol::ListLocks body{path, 0};
  std::vector<LockEntry> entries;
  do {
    const auto reply = wait_for(request<protocol::ListLocksReply>(*core_, {path}, body, call.stop));
    if (!reply) return tl::make_unexpected(reply.error());
    entries.clear();
    for (const auto& entry : reply->locks) entries.push_back(to_public(entry));
    if (!entries.empty()) page(entries);
    body.after = reply->next_after;
  } while (body.after != 0);
  return {};
}

}  // namespace sluice::client
