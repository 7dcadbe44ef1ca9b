// The simulated log: see sim_log.hpp.
#include "tests/support/sim_log.hpp"

#include <algorithm>

namespace sluice::testing {

using protocol::Code;
using protocol::fail;
using protocol::Result;

Result<void> SimFaults::check(DiskCall call) {
  Failing& failing = failing_[static_cast<std::size_t>(call)];
  if (failing.times == 0) return {};
  --failing.times;
  return fail(failing.code, {}, "injected");
}

void SimFaults::step() {
  if (kill_after_ != 0 && --kill_after_ == 0) throw Killed{};
}

Result<void> SimLogFiles::check(DiskCall call) {
  if (!faults_) return {};
  return faults_->check(call);
}

std::string SimLogFiles::Segment::all() const {
  return beneath.size() > written.size() ? written + beneath.substr(written.size()) : written;
}

void SimLogFiles::Segment::lose_power(Random& random) {
  const std::size_t unsynced = written.size() - synced_bytes;
  const std::size_t cut = synced_bytes + below(random, unsynced + 1);
  const auto from = written.begin() + static_cast<std::ptrdiff_t>(cut);
  switch (below(random, 4)) {
    case 0:  // cut; behind it what was there before
      written.resize(cut);
      break;
    case 1:  // the length is there, the bytes are not
      std::fill(from, written.end(), '\0');
      break;
    case 2:  // a hole, and what came after it
      std::fill_n(from, below(random, written.size() - cut + 1), '\0');
      break;
    default:  // garbage
      written.resize(cut);
      if (unsynced > 0)
        for (std::uint64_t i = below(random, 40); i > 0; --i)
          written.push_back(static_cast<char>(below(random, 256)));
  }
  written = all();
  synced_bytes = written.size();
  beneath.clear();
  exists_durably = true;
  dropped = false;
}

void SimLogFiles::power_loss(Random& random) {
  current_ = 0;
  sync_failed_ = false;
  recycled_.clear();
  // Segments were dropped in order, so the first of them may be gone and the last back, not the
  // reverse.
  bool back = false;
  for (auto at = segments_.begin(); at != segments_.end();) {
    Segment& segment = at->second;
    if (segment.dropped) back = back || chance(random, 50);
    const bool gone = (segment.dropped && !back) || (!segment.exists_durably && chance(random, 50));
    if (gone) {
      at = segments_.erase(at);
      continue;
    }
    segment.lose_power(random);
    ++at;
  }
}

std::map<std::uint64_t, std::string> SimLogFiles::contents() const {
  std::map<std::uint64_t, std::string> contents;
  for (const auto& [generation, segment] : segments_)
    if (!segment.dropped) contents[generation] = segment.all();
  return contents;
}

void SimLogFiles::replace(std::uint64_t generation, std::string bytes) {
  Segment& segment = segments_[generation] = {};
  segment.written = std::move(bytes);
  segment.synced_bytes = segment.written.size();
  segment.exists_durably = true;
}

Result<std::vector<std::uint64_t>> SimLogFiles::segments() {
  if (auto ok = check(DiskCall::log_segments); !ok) return tl::make_unexpected(ok.error());
  std::vector<std::uint64_t> generations;
  for (const auto& [generation, segment] : segments_)
    if (!segment.dropped) generations.push_back(generation);
  return generations;
}

Result<std::string> SimLogFiles::read(std::uint64_t generation) {
  if (auto ok = check(DiskCall::log_read); !ok) return tl::make_unexpected(ok.error());
  const auto segment = segments_.find(generation);
  if (segment == segments_.end() || segment->second.dropped)
    return fail(Code::io_error, {}, "no such segment");
  // What replay acts upon must not vanish in the middle of it.
  if (faults_) faults_->step();
  segment->second.synced_bytes = segment->second.written.size();
  segment->second.exists_durably = true;
  return segment->second.all();
}

Result<void> SimLogFiles::start(std::uint64_t generation) {
  if (auto ok = check(DiskCall::log_start); !ok) return ok;
  if (faults_) faults_->step();
  Segment& segment = segments_[generation] = {};
  segment.beneath = std::exchange(recycled_, {});
  current_ = generation;
  return {};
}

Result<void> SimLogFiles::reserve(std::uint64_t) {
  return check(DiskCall::log_reserve);
}

Result<void> SimLogFiles::append(std::string_view bytes) {
  misused_ = misused_ || sync_failed_;
  if (auto ok = check(DiskCall::log_append); !ok) return ok;
  const auto segment = segments_.find(current_);
  if (segment == segments_.end()) return fail(Code::io_error, {}, "no segment was started");
  // Two steps, so that a kill can tear it.
  if (faults_) faults_->step();
  segment->second.written += bytes.substr(0, bytes.size() / 2);
  if (faults_) faults_->step();
  segment->second.written += bytes.substr(bytes.size() / 2);
  return {};
}

Result<void> SimLogFiles::sync() {
  misused_ = misused_ || sync_failed_;
  if (auto ok = check(DiskCall::log_sync); !ok) {
    sync_failed_ = true;
    return ok;
  }
  if (lies_) return {};
  if (faults_) faults_->step();
  const auto segment = segments_.find(current_);
  if (segment == segments_.end()) return fail(Code::io_error, {}, "no segment was started");
  segment->second.synced_bytes = segment->second.written.size();
  segment->second.exists_durably = true;
  // The directory is synced with a new segment, so what was dropped before stays dropped.
  std::erase_if(segments_, [](const auto& entry) { return entry.second.dropped; });
  return {};
}

Result<void> SimLogFiles::drop_before(std::uint64_t generation) {
  if (auto ok = check(DiskCall::log_drop_before); !ok) return ok;
  for (auto& [number, segment] : segments_) {
    if (number >= generation) break;
    if (segment.dropped) continue;
    if (faults_) faults_->step();
    segment.dropped = true;
    recycled_ = segment.all();
  }
  return {};
}

}  // namespace sluice::testing
