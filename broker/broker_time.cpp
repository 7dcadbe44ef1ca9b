// What the broker does as time passes: leases of sessions, silence of workers, jobs that no worker
// takes, answers that found no room; and the shutdown.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "broker/broker.hpp"
#include "broker/pause.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/commits.hpp"

namespace sluice::broker {

using protocol::Code;
using runtime::make_message;
using runtime::Outbox;
using runtime::Port;
namespace limits = protocol::limits;

namespace {

// How long a request waits for a first worker before the client is told that there is none.
constexpr Time no_worker_patience{5'000};
// And before the log says so.
constexpr Time no_worker_told{1'000};
// Before what the disk refused to sweep is swept again.
constexpr Time sweep_pause{5'000};

}  // namespace

void Broker::on_tick(Time now, Outbox& outbox) {
  if (started_ == runtime::never) started_ = now;
  tick_outboxes(now, outbox);
  tick_reads(now, outbox);
  if (now < next_look_) return;
  // A process that was stopped could not hear anybody: all get their whole time anew.
  if (now > next_look_ + pause_noticed) {
    sessions_.all_seen(now);
    dispatch_.all_seen(now);
  }
  next_look_ = now + look_every;
  if (config_.reader != nullptr) config_.reader->let_go(now);
  tick_sessions(now, outbox);
  tick_workers(now, outbox);
  tick_queue(now, outbox);
  bulk_reads_.forget_idle();
  if (sweeps_.empty() || now >= hold_until_) admit_held(now, outbox);
  if (sweeps_.empty()) hold_until_ = runtime::never;
}

void Broker::tick_outboxes(Time now, Outbox& outbox) {
  if (now < retry_at_) return;
  for (runtime::Message& message : outboxes_.take_some()) outbox.send(std::move(message));
  // What still finds no room comes back through on_undelivered, which sets the time as well.
  retry_at_ = outboxes_.empty() ? runtime::never : now + retry_pause;
}

void Broker::tick_reads(Time now, Outbox& outbox) {
  if (now < reads_at_) return;
  reads_at_ = runtime::never;
  // What still may not begin comes to wait again, in the same order.
  for (const std::uint64_t number : bulk_reads_.take_waiting())
    if (const auto found = jobs_.find(number); found != jobs_.end())
      start(found->second, now, outbox);
  hand_out(outbox);
}

void Broker::tick_sessions(Time now, Outbox& outbox) {
  for (const std::uint64_t number : sessions_.expired(now)) end_session(number, false, now, outbox);
  if (std::exchange(sweep_failed_, false)) sweep_not_before_ = now + sweep_pause;
  // Sweeps wait for a worker here, not in the queue: sessions may come back meanwhile.
  if (dispatch_.workers().empty() || now < sweep_not_before_) return;
  std::erase_if(to_sweep_, [this](std::uint64_t each) { return sessions_.find(each) != nullptr; });
  if (!to_sweep_.empty()) {
    sweep({{to_sweep_.begin(), to_sweep_.end()}, false}, now, outbox);
    to_sweep_.clear();
  }
  // After a start, sessions of before may come back and go on; what nobody came back for is
  // dropped.
  if (!swept_at_start_ && now - started_ > Time(config_.lease_ms)) {
    swept_at_start_ = true;
    sweep({sessions_.numbers(), true}, now, outbox);
  }
  // Kept uploads belong to no session: each sweep looks at them too, be it of none.
  if (now - std::max(started_, last_sweep_) >= Time(limits::upload_look_ms))
    sweep({{}, false}, now, outbox);
}

void Broker::tick_workers(Time now, Outbox& outbox) {
  std::vector<std::string> silent;
  for (const auto& [peer, worker] : dispatch_.workers()) {
    if (worker.in_process) continue;
    const Time silence = now - worker.last_seen;
    if (silence > Time(limits::worker_silence_ms))
      silent.push_back(peer);
    else if (silence > Time(2 * limits::worker_heartbeat_ms))
      // If its connection is gone this cannot be delivered, and the worker is given up at once.
      outbox.send(make_message({Port::workers, peer}, protocol::WorkerHeartbeatReply{}));
  }
  for (const std::string& peer : silent) give_up_worker(peer, true, now, outbox);
}

void Broker::tick_queue(Time now, Outbox& outbox) {
  if (!dispatch_.workers().empty()) return;
  while (const auto front = dispatch_.front()) {
    if (now - jobs_.at(*front).since >= no_worker_told && !std::exchange(told_no_worker_, true))
      spdlog::warn("no worker serves the root: {} requests wait; start a sluice-worker that joins",
                   dispatch_.waiting());
    if (now - jobs_.at(*front).since < no_worker_patience) return;
    dispatch_.withdraw(*front);
    fail_job(*front, {Code::overloaded, {}, "no worker serves this root just now"}, outbox);
  }
}

void Broker::sweep(const protocol::Sweep& what, Time now, Outbox& outbox) {
  if (shutting_down_) return;
  last_sweep_ = now;
  runtime::Message request = make_message({}, what);
  Job& job = add_job(std::move(request), nullptr, Connection::control, now);
  sweeps_[job.number] = what;
  dispatch_.enqueue(job.number, true);
  hand_out(outbox);
}

bool Broker::is_being_swept(std::uint64_t session) const {
  return std::any_of(sweeps_.begin(), sweeps_.end(), [&](const auto& each) {
    const auto& sessions = each.second.sessions;
    const bool named = std::find(sessions.begin(), sessions.end(), session) != sessions.end();
    return named != each.second.all_but;
  });
}

void Broker::sweep_again_later(const protocol::Sweep& failed) {
  if (failed.all_but)
    swept_at_start_ = false;
  else
    to_sweep_.insert(failed.sessions.begin(), failed.sessions.end());
  sweep_failed_ = true;
}

bool Broker::may_hold(Time now) {
  if (hold_until_ == runtime::never) hold_until_ = now + hold_most;
  return now < hold_until_ && held_hellos_.size() < limits::sessions;
}

void Broker::admit_held(Time now, Outbox& outbox) {
  for (runtime::Message& hello : std::exchange(held_hellos_, {}))
    from_client(std::move(hello), now, outbox);
}

void Broker::begin_shutdown(Time, Outbox& outbox) {
  if (shutting_down_) return;
  shutting_down_ = true;
  std::vector<std::uint64_t> waiting;
  for (const auto& [number, job] : jobs_)
    if (job.place != Place::worker) waiting.push_back(number);
  std::sort(waiting.begin(), waiting.end());
  for (const std::uint64_t number : waiting) {
    Job& job = jobs_.at(number);
    if (job.place == Place::queued)
      dispatch_.withdraw(number);
    else if (job.place != Place::publisher)
      cancel_at_locks(job, outbox);
    fail_job(number, {Code::shutting_down, {}, {}}, outbox);
  }
}

std::vector<std::string> Broker::unfinished() const {
  std::vector<std::string> lines;
  for (const auto& [number, job] : jobs_)
    lines.push_back(
        fmt::format("{} of session {:016x}", protocol::name(job.request.header.type), job.session));
  return lines;
}

}  // namespace sluice::broker
