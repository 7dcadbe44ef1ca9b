// See dispatch.hpp.
#include "broker/dispatch.hpp"

#include <algorithm>

namespace sluice::broker {

bool is_heavy(protocol::Type type) {
  using protocol::Type;
  switch (type) {
    case Type::get_many:
    case Type::read:
    case Type::read_leaves:
    case Type::verify:
    case Type::put_many:
    case Type::write_chunk:
    case Type::write_reuse:
    case Type::write_commit:
    case Type::copy:
    case Type::sweep:
      return true;
    default:
      return false;
  }
}

WorkerState& Dispatch::join(WorkerState worker) {
  const std::string peer = worker.peer;
  return workers_[peer] = std::move(worker);
}

WorkerState* Dispatch::find(const std::string& peer) {
  const auto found = workers_.find(peer);
  return found == workers_.end() ? nullptr : &found->second;
}

std::optional<WorkerState> Dispatch::remove(const std::string& peer) {
  const auto found = workers_.find(peer);
  if (found == workers_.end()) return std::nullopt;
  WorkerState worker = std::move(found->second);
  workers_.erase(found);
  return worker;
}

void Dispatch::heard_of(const std::vector<std::uint64_t>& numbers, Time now) {
  for (auto& [peer, worker] : workers_)
    if (std::find(numbers.begin(), numbers.end(), worker.number) != numbers.end())
      worker.last_seen = now;
}

void Dispatch::all_seen(Time now) {
  for (auto& [peer, worker] : workers_) worker.last_seen = now;
}

void Dispatch::enqueue(std::uint64_t job, bool heavy) {
  queue_.push_back({job, heavy});
}

void Dispatch::enqueue_again(std::uint64_t job, bool heavy) {
  queue_.push_front({job, heavy});
}

bool Dispatch::withdraw(std::uint64_t job) {
  return std::erase_if(queue_, [&](const Waiting& each) { return each.job == job; }) > 0;
}

std::optional<Dispatch::Given> Dispatch::next() {
  if (queue_.empty()) return std::nullopt;
  const Waiting first = queue_.front();
  WorkerState* worker = choose(first.heavy);
  if (worker == nullptr) return std::nullopt;
  queue_.pop_front();
  worker->running.insert(first.job);
  if (first.heavy) worker->heavy.insert(first.job);
  return Given{first.job, worker};
}

WorkerState* Dispatch::choose(bool heavy) {
  WorkerState* last = find(last_busy_);
  // A worker does one thing after another: behind a heavy job even the smallest waits long.
  if (!heavy && last != nullptr && last->heavy.empty() &&
      last->running.size() < std::min<std::size_t>(last->slots, busy_enough))
    return last;
  const auto load = [](const WorkerState& worker) {
    return std::pair(worker.heavy.size(), worker.running.size());
  };
  WorkerState* best = nullptr;
  for (auto& [peer, worker] : workers_) {
    if (worker.running.size() >= worker.slots) continue;
    if (best == nullptr || load(worker) < load(*best)) best = &worker;
  }
  if (best != nullptr) last_busy_ = best->peer;
  return best;
}

void Dispatch::park(WorkerState& worker, std::uint64_t job) {
  if (worker.running.erase(job) > 0) worker.parked.insert(job);
  worker.heavy.erase(job);
}

void Dispatch::finish(WorkerState& worker, std::uint64_t job) {
  worker.running.erase(job);
  worker.parked.erase(job);
  worker.heavy.erase(job);
}

std::optional<std::uint64_t> Dispatch::front() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.front().job;
}

}  // namespace sluice::broker
