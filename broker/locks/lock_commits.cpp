// Commits: a worker's change on its way to the publisher and back. In the order of time: commit,
// decide, (ask for a remembered outcome, wait,) publish, published. Read on: lock_actor.hpp,
// docs/architecture.md.
#include <fmt/format.h>

#include <algorithm>

#include "broker/locks/commit_paths.hpp"
#include "broker/locks/lock_actor.hpp"

namespace sluice::broker::locks {

using protocol::Code;
using protocol::fail;
using protocol::Type;
using runtime::Port;
namespace limits = protocol::limits;

namespace {

protocol::CommitReply refusal_of(const protocol::Error& error) {
  protocol::CommitReply reply;
  reply.code = static_cast<std::uint16_t>(error.code);
  reply.path = error.path;
  reply.detail = error.detail;
  return reply;
}

bool may_come_about(const runtime::Message& message) {
  if (message.header.type != Type::published) return false;
  const auto outcome = protocol::decode<protocol::Published>(message.body);
  return outcome && outcome->may_come_about();
}

runtime::Message make_outcome(const std::string& body) {
  runtime::Message outcome;
  outcome.body = body;
  return outcome;
}

}  // namespace

void LockActor::on_join_locks(const Message& message, Time now, Outbox& outbox) {
  const auto request = protocol::decode<protocol::JoinLocks>(message.body);
  if (!request) return outbox.send(runtime::make_error(message, request.error()));
  if (request->epoch != epoch_ || !known_workers_.contains(request->worker))
    return outbox.send(runtime::make_error(message, {Code::hello_required, {}, {}}));
  // Welcomed anew, it has dropped all it had parked under its old number.
  const auto before = joined_.find(message.peer.id);
  if (before != joined_.end() && before->second != request->worker)
    drop_worker(std::uint64_t{before->second}, now, outbox);
  joined_[message.peer.id] = request->worker;
  outbox.send(runtime::make_reply(message, protocol::JoinLocksReply{}));
}

// A worker that waits for an answer asks whether this is still the connection that it will come by.
void LockActor::on_worker_heartbeat(const Message& message, Outbox& outbox) {
  if (joined_.contains(message.peer.id))
    outbox.send(runtime::make_reply(message, protocol::WorkerHeartbeatReply{}));
  else
    outbox.send(runtime::make_error(message, {Code::hello_required, {}, {}}));
}

void LockActor::on_commit(Message&& message, Time now, Outbox& outbox) {
  auto refuse = [&](const protocol::Error& error) {
    reply(asker_of(message), refusal_of(error), outbox);
  };
  const auto joined = joined_.find(message.peer.id);
  if (joined == joined_.end())
    return outbox.send(runtime::make_error(message, {Code::hello_required, {}, {}}));
  auto body = protocol::decode<protocol::Commit>(message.body);
  if (!body) return refuse(body.error());
  auto claims = claims_of(*body);
  if (!claims) return refuse(claims.error());
  if (take_repeat(message, joined->second, *body, *claims, now, outbox)) return;
  if (commits_.size() >= limits::jobs)
    return refuse({Code::overloaded, body->path, "too many changes are under way"});

  const Id handle = ++last_id_;
  PendingCommit& commit = commits_[handle];
  commit.key = {message.stamp.session, message.header.request_id};
  commit.asker = asker_of(message);
  commit.worker = joined->second;
  commit.body = std::move(message.body);
  commit.payload = std::move(message.payload);
  commit.agent = body->terms.agent;
  commit.commit = std::move(*body);
  commit.claims = std::move(*claims);
  commit.since = now;
  commit_requests_[commit.key] = handle;
  decide(handle, now, outbox);
}

// A commit whose request is here already: the newest asker gets the one answer. Until it is
// published, what the newest asker has staged takes the place of what the older one had.
bool LockActor::take_repeat(Message& message, std::uint64_t worker, const protocol::Commit& body,
                            const std::vector<protocol::LockClaim>& claims, Time now,
                            Outbox& outbox) {
  const auto found = commit_requests_.find({message.stamp.session, message.header.request_id});
  if (found == commit_requests_.end()) return false;
  const Id handle = found->second;
  PendingCommit& commit = commits_.at(handle);
  if (commit.stage == Stage::waiting && commit.claims != claims) {
    // It touches other paths than before (parents have come or gone): it has to queue anew.
    drop_commit(handle, now, outbox);
    return false;
  }
  commit.asker = asker_of(message);
  commit.worker = worker;
  if (commit.stage == Stage::publishing) {
    if (commit.undecided) answer_worker(commit, make_outcome(commit.body), outbox);
    return true;
  }
  commit.body = std::move(message.body);
  commit.payload = std::move(message.payload);
  commit.commit = body;
  commit.claims = claims;
  if (commit.stage == Stage::waiting) reply(commit.asker, protocol::CommitWaiting{}, outbox);
  return true;
}

// Publishes it, refuses it or lets it wait. Before the last two the publisher is asked once: what
// happened under this request before, perhaps under a lock that is long released, is its outcome.
// A commit that changes nothing asks for that alone.
void LockActor::decide(Id handle, Time now, Outbox& outbox) {
  PendingCommit& commit = commits_.at(handle);
  if (commit.commit.kind == protocol::ChangeKind::none) return ask_outcome(handle, outbox);
  const auto verdict = weigh(commit, now);
  if (verdict && *verdict == Verdict::grant) {
    if (commit.under == 0)
      table_.submit({handle, Kind::commit, commit.claims});
    else
      ++locks_.at(commit.under).commits_under_way;
    return publish(handle, outbox);
  }
  if (!commit.asked) return ask_outcome(handle, outbox);
  if (!verdict) return refuse_commit(handle, verdict.error(), now, outbox);
  queue_commit(handle, now, outbox);
}

protocol::Result<LockActor::Verdict> LockActor::weigh(PendingCommit& commit, Time now) const {
  commit.under = 0;
  if (commit.cancelled) return fail(Code::cancelled);
  const bool numbers_left = !numbers_.empty();
  const auto no_numbers =
      fail(Code::overloaded, {}, "no numbers are left until the log has reserved more");
  if (!commit.commit.terms.token.empty()) {
    const auto lock = find_covering(commit);
    if (!lock) return tl::make_unexpected(lock.error());
    if (!numbers_left) return no_numbers;
    commit.under = *lock;
    return Verdict::grant;
  }
  const auto blocker = table_.blocker(Kind::commit, commit.claims);
  if (!blocker && !numbers_left) return no_numbers;
  if (!blocker) return Verdict::grant;
  if (commit.commit.terms.wait_ms == 0)
    return tl::make_unexpected(in_the_way(Code::locked, *blocker, now));
  if (waiters_ >= limits::waiters_in_all)
    return fail(Code::too_many_locks, blocker->path, "too many wait already");
  return Verdict::wait;
}

// The lock of the commit's token, if it covers all that the change touches.
protocol::Result<Id> LockActor::find_covering(const PendingCommit& commit) const {
  const auto lock = find_held(commit.commit.terms.token);
  if (!lock) {
    protocol::Error error = lock.error();
    error.path = commit.commit.path;
    return tl::make_unexpected(error);
  }
  if (locks_.at(*lock).shared_when_done)
    return fail(Code::not_covered, commit.commit.path, "the lock is a shared one");
  for (const auto& claim : commit.claims) {
    const bool tree = !path_suffices(commit.commit, claim);
    if (table_.covers(*lock, claim.path, tree)) continue;
    if (tree && table_.covers(*lock, claim.path, false))
      return fail(Code::not_covered, claim.path,
                  "the lock is on the path alone, this needs it on the whole tree");
    return fail(Code::not_covered, claim.path, "the lock is not an exclusive one on it");
  }
  return lock;
}

void LockActor::ask_outcome(Id handle, Outbox& outbox) {
  const PendingCommit& commit = commits_.at(handle);
  Message question;
  question.peer = {Port::publisher, {}};
  question.header = commit.asker.header;
  question.header.type = Type::publish;
  question.stamp = {commit.key.first, handle, 0};
  question.body = commit.body;
  outbox.send(std::move(question));
}

void LockActor::queue_commit(Id handle, Time now, Outbox& outbox) {
  PendingCommit& commit = commits_.at(handle);
  if (leases_.is_dead(commit.key.first, now))
    return refuse_commit(handle, {Code::cancelled, {}, "the session has ended"}, now, outbox);
  commit.stage = Stage::waiting;
  table_.submit({handle, Kind::commit, commit.claims});
  begin_waiting(handle, now + Time{std::min(commit.commit.terms.wait_ms, limits::wait_max_ms)});
  if (const auto error = deadlock(handle)) return refuse_commit(handle, *error, now, outbox);
  reply(commit.asker, protocol::CommitWaiting{}, outbox);
}

// Allowed: it gets its number and goes to the publisher as it came.
void LockActor::publish(Id handle, Outbox& outbox) {
  PendingCommit& commit = commits_.at(handle);
  commit.stage = Stage::publishing;
  commit.number = numbers_.draw();
  watches_.begin(commit.number);
  Message message;
  message.peer = {Port::publisher, {}};
  message.header = commit.asker.header;
  message.header.type = Type::publish;
  message.stamp = {commit.key.first, handle, commit.number};
  message.body = std::exchange(commit.body, {});
  message.payload = std::exchange(commit.payload, {});
  const protocol::ChangeKind kind = commit.commit.kind;
  commit.moves_tree = tree_moves_ && commit.commit.recursive;
  if (commit.moves_tree) tree_moves_(false);
  commit.commit = {};
  commit.commit.kind = kind;
  outbox.send(std::move(message));
}

void LockActor::on_published(Message&& message, Time now, Outbox& outbox) {
  const auto found = commits_.find(message.stamp.job);
  if (found == commits_.end()) return;
  const Id handle = found->first;
  PendingCommit& commit = found->second;
  if (commit.stage == Stage::waiting) return;
  if (commit.stage == Stage::asking && commit.commit.kind != protocol::ChangeKind::none &&
      message.header.type == Type::published) {
    const auto outcome = protocol::decode<protocol::Published>(message.body);
    if (outcome && outcome->code == 0 && outcome->version == 0) {
      // It arrives in the queue now, behind those that came meanwhile.
      commit.asked = true;
      auto node = commits_.extract(found);
      node.key() = ++last_id_;
      commit_requests_[commit.key] = last_id_;
      commits_.insert(std::move(node));
      return decide(last_id_, now, outbox);
    }
  }
  if (commit.stage == Stage::publishing) tell_commit(commit, message);
  if (commit.stage == Stage::publishing && may_come_about(message)) {
    commit.undecided = true;
    commit.body = message.body;
    return answer_worker(commit, std::move(message), outbox);
  }
  answer_worker(commit, std::move(message), outbox);
  drop_commit(handle, now, outbox);
}

// The publisher's answer, with the same body, to the worker that asked last, if that one is still
// with us.
void LockActor::answer_worker(const PendingCommit& commit, Message&& answer, Outbox& outbox) {
  const auto joined = joined_.find(commit.asker.peer.id);
  if (joined == joined_.end() || joined->second != commit.worker) return;
  answer.peer = commit.asker.peer;
  answer.header = commit.asker.header;
  // An error's body has the fields of a failed outcome.
  answer.header.type = Type::commit_reply;
  answer.stamp = commit.asker.stamp;
  outbox.send(std::move(answer));
}

void LockActor::refuse_commit(Id handle, const protocol::Error& error, Time now, Outbox& outbox) {
  reply(commits_.at(handle).asker, refusal_of(error), outbox);
  drop_commit(handle, now, outbox);
}

// Takes it out, and gives back what it had: its implicit lock or place in the queue, or its part in
// the lock it was made under.
void LockActor::drop_commit(Id handle, Time now, Outbox& outbox) {
  const auto found = commits_.find(handle);
  const PendingCommit& commit = found->second;
  const Id under = commit.stage == Stage::publishing ? commit.under : 0;
  if (commit.stage == Stage::waiting && !table_.holds(handle)) stop_waiting(handle);
  if (commit.moves_tree) tree_moves_(true);
  commit_requests_.erase(commit.key);
  commits_.erase(found);
  if (under != 0) {
    Lock& lock = locks_.at(under);
    if (--lock.commits_under_way != 0) return;
    if (lock.ending != Ending::no) return remove_ended(under, now, outbox);
    if (lock.shared_when_done) downgrade(under, now, outbox);
    return;
  }
  settle(table_.remove(handle), now, outbox);
}

}  // namespace sluice::broker::locks
