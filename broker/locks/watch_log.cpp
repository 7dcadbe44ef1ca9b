// History, order and those who wait: see watch_log.hpp.
#include "broker/locks/watch_log.hpp"

#include <iterator>

#include "broker/record_frame.hpp"
#include "protocol/path.hpp"

namespace sluice::broker::locks {

using protocol::EventKind;
using protocol::is_within;
using protocol::parent_of;

namespace {

// Whether it changes what stands beneath its path, too.
bool is_for_all_beneath(const protocol::WatchEvent& event) {
  return event.tree || event.kind == EventKind::remove || event.kind == EventKind::rename;
}

bool is_seen(std::string_view path, bool all_beneath, const WatchLog::Question& from) {
  if (all_beneath && is_within(from.path, path)) return true;
  if (from.recursive) return is_within(path, from.path);
  return path == from.path || (!path.empty() && parent_of(path) == from.path);
}

bool is_seen(const protocol::WatchEvent& event, const WatchLog::Question& from) {
  const bool all_beneath = is_for_all_beneath(event);
  if (is_seen(event.path, all_beneath, from)) return true;
  return event.kind == EventKind::rename && is_seen(event.to_path, all_beneath, from);
}

std::size_t bytes_of(const protocol::WatchEvent& event) {
  return sizeof event + event.path.size() + event.to_path.size() + event.holder.size() +
         event.detail.size();
}

constexpr std::uint64_t is_tree = 1;
constexpr std::uint64_t is_shared = 2;
constexpr std::size_t number_bytes = 8;
constexpr std::size_t length_bytes = 4;

void put_text(std::string& out, std::string_view text) {
  put_integer(out, text.size(), length_bytes);
  out += text;
}

std::string take_text(std::string_view& packed) {
  const std::size_t size = take_integer(packed, length_bytes);
  std::string text(packed.substr(0, size));
  packed.remove_prefix(size);
  return text;
}

std::string pack(const std::vector<protocol::WatchEvent>& events) {
  std::size_t bytes = 0;
  for (const auto& event : events)
    bytes += 2 + number_bytes + 4 * length_bytes + event.path.size() + event.to_path.size() +
             event.holder.size() + event.detail.size();
  std::string packed;
  packed.reserve(bytes);
  for (const auto& event : events) {
    put_integer(packed, static_cast<std::uint64_t>(event.kind), 1);
    put_integer(packed, (event.tree ? is_tree : 0) | (event.shared ? is_shared : 0), 1);
    put_integer(packed, event.number, number_bytes);
    put_text(packed, event.path);
    put_text(packed, event.to_path);
    put_text(packed, event.holder);
    put_text(packed, event.detail);
  }
  return packed;
}

protocol::WatchEvent take_event(std::uint64_t version, std::string_view& packed) {
  protocol::WatchEvent event;
  event.version = version;
  event.kind = static_cast<EventKind>(take_integer(packed, 1));
  const std::uint64_t flags = take_integer(packed, 1);
  event.tree = (flags & is_tree) != 0;
  event.shared = (flags & is_shared) != 0;
  event.number = take_integer(packed, number_bytes);
  event.path = take_text(packed);
  event.to_path = take_text(packed);
  event.holder = take_text(packed);
  event.detail = take_text(packed);
  return event;
}

}  // namespace

std::size_t WatchLog::bytes_of(const std::vector<Event>& events) {
  std::size_t bytes = 0;
  for (const Event& event : events) bytes += locks::bytes_of(event);
  return bytes;
}

void WatchLog::begin(std::uint64_t number) {
  drawn_ = std::max(drawn_, number);
  held_.try_emplace(number);
}

void WatchLog::tell(std::uint64_t number, std::vector<Event> events) {
  for (Event& event : events) event.version = number;
  const std::size_t bytes = bytes_of(events);
  end(number, {true, false, std::move(events), bytes});
}

void WatchLog::lose(std::uint64_t number) {
  end(number, {true, true, {}, 0});
}

void WatchLog::end(std::uint64_t number, Held held) {
  drawn_ = std::max(drawn_, number);
  events_ += held.events.size();
  bytes_ += held.bytes;
  held_[number] = std::move(held);
  make_room();
  release();
}

// Tells what no smaller number under way keeps back any more.
void WatchLog::release() {
  while (!held_.empty() && held_.begin()->second.ended) {
    auto first = held_.extract(held_.begin());
    now_ = first.key();
    if (first.mapped().lost) {
      forget_history(now_);
      for (const auto& [id, question] : parked_) woken_.try_emplace(id, now_);
    } else if (const Held& told = first.mapped(); !told.events.empty()) {
      history_.push_back({now_, told.events.size(), told.bytes, pack(told.events)});
      wake(now_, told.events);
    }
  }
}

void WatchLog::make_room() {
  const auto is_full = [this] { return events_ > bounds_.events || bytes_ > bounds_.bytes; };
  while (is_full() && !history_.empty()) forget_history(history_.front().version);
  if (is_full()) forget_held();
}

void WatchLog::forget_history(std::uint64_t up_to) {
  for (; !history_.empty() && history_.front().version <= up_to; history_.pop_front())
    discount(history_.front().events, history_.front().bytes);
  floor_ = up_to;
}

// One mark is left for all that stood between two numbers under way.
void WatchLog::forget_held() {
  bool after_lost = false;
  for (auto each = held_.begin(); each != held_.end(); ++each) {
    Held& held = each->second;
    if (held.ended) {
      discount(held.events.size(), held.bytes);
      held = {true, held.lost || !held.events.empty() || after_lost, {}, 0};
      if (after_lost) held_.erase(std::prev(each));
    }
    after_lost = held.lost;
  }
}

void WatchLog::discount(std::size_t events, std::size_t bytes) {
  events_ -= events;
  bytes_ -= bytes;
}

WatchLog::Reply WatchLog::read(const Question& question, std::size_t most_bytes) const {
  Reply reply;
  reply.gap = question.after < floor_ || question.after > drawn_;
  reply.next = now_;
  if (question.after > drawn_) return reply;
  const std::uint64_t after = std::max(question.after, floor_);
  auto record = std::upper_bound(
      history_.begin(), history_.end(), after,
      [](std::uint64_t version, const Record& each) { return version < each.version; });
  std::uint64_t looked_at = after;
  std::size_t bytes = 0;
  for (std::size_t scanned = 0; record != history_.end(); ++record, ++scanned) {
    std::vector<Event> seen;
    std::size_t more = 0;
    for (std::string_view packed = record->packed; !packed.empty();) {
      Event event = take_event(record->version, packed);
      if (!is_seen(event, question)) continue;
      more += locks::bytes_of(event);
      seen.push_back(std::move(event));
    }
    const bool is_full =
        reply.events.size() + seen.size() > bounds_.reply_events || bytes + more > most_bytes;
    // What has one number is never torn apart: there is no asking for the rest of it.
    if (scanned == bounds_.scan || (is_full && !reply.events.empty())) {
      reply.next = looked_at;
      return reply;
    }
    std::move(seen.begin(), seen.end(), std::back_inserter(reply.events));
    bytes += more;
    looked_at = record->version;
  }
  reply.next = std::max(now_, after);
  return reply;
}

void WatchLog::park(Id id, Question question) {
  Place& place = places_[question.path];
  (question.recursive ? place.recursive : place.direct).insert(id);
  parked_[id] = std::move(question);
}

void WatchLog::unpark(Id id) {
  woken_.erase(id);
  const auto found = parked_.find(id);
  if (found == parked_.end()) return;
  const auto place = places_.find(found->second.path);
  place->second.direct.erase(id);
  place->second.recursive.erase(id);
  if (place->second.direct.empty() && place->second.recursive.empty()) places_.erase(place);
  parked_.erase(found);
}

std::vector<std::pair<Id, WatchLog::Reply>> WatchLog::take_answers() {
  std::vector<std::pair<Id, Reply>> answers;
  for (const auto& [id, first] : std::exchange(woken_, {})) {
    // What came before the first of it was nothing to this one, known or forgotten by now.
    Question question = parked_.at(id);
    question.after = std::max(question.after, first - 1);
    unpark(id);
    answers.emplace_back(id, read(question, bounds_.woken_bytes));
  }
  return answers;
}

void WatchLog::wake(std::uint64_t version, const std::vector<Event>& events) {
  if (parked_.empty()) return;
  for (const Event& event : events) {
    const bool all_beneath = is_for_all_beneath(event);
    wake_at(event.path, all_beneath, version);
    if (event.kind == EventKind::rename) wake_at(event.to_path, all_beneath, version);
  }
}

// The same question as `is_seen`, asked of all at once.
void WatchLog::wake_at(std::string_view path, bool all_beneath, std::uint64_t version) {
  if (const auto place = places_.find(path); place != places_.end()) {
    wake(place->second.direct, version);
    wake(place->second.recursive, version);
  }
  bool is_parent = true;
  for (std::string_view above = path; !above.empty(); is_parent = false) {
    above = parent_of(above);
    const auto place = places_.find(above);
    if (place == places_.end()) continue;
    if (is_parent) wake(place->second.direct, version);
    wake(place->second.recursive, version);
  }
  if (!all_beneath) return;
  const std::string prefix = path.empty() ? std::string() : std::string(path) + '/';
  for (auto place = places_.lower_bound(prefix);
       place != places_.end() && place->first.starts_with(prefix); ++place) {
    wake(place->second.direct, version);
    wake(place->second.recursive, version);
  }
}

void WatchLog::wake(const std::set<Id>& ids, std::uint64_t version) {
  for (const Id id : ids)
    if (parked_.at(id).after < version) woken_.try_emplace(id, version);
}

}  // namespace sluice::broker::locks
