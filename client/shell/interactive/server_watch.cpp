// Whether the server answers: see server_watch.hpp.
#include "client/shell/interactive/server_watch.hpp"

#include <unistd.h>

#include <utility>

#include "sluice/error.hpp"

namespace sluice::shell {
namespace {

constexpr std::chrono::seconds ask_every{1};
constexpr std::chrono::milliseconds look_every{250};
/// A server deep in work may take a moment.
constexpr std::chrono::seconds patience{2};
constexpr std::chrono::milliseconds news_patience{500};

void write_line(const std::string& sentence) {
  // A progress line may be there; whoever draws it draws it again.
  const std::string text = "\r\x1b[Ksluice: " + sentence + "\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

std::string ServerHealth::answered(std::uint64_t epoch) {
  asked_.reset();
  const bool was_gone = std::exchange(told_gone_, false);
  const bool restarted = epoch_ && *epoch_ != epoch;
  epoch_ = epoch;
  if (restarted) return name_ + " was started anew";
  return was_gone ? name_ + " is back" : "";
}

std::string ServerHealth::look(Time now) {
  if (!asked_ || now - *asked_ < patience || std::exchange(told_gone_, true)) return "";
  return name_ + " does not answer; waiting for it, Ctrl-C stops";
}

ServerWatch::ServerWatch(Client& client, const std::string& name)
    : client_(client),
      health_(name),
      asking_([this](const std::stop_token& stop) { ask(stop); }),
      looking_([this](const std::stop_token& stop) { look(stop); }) {}

ServerWatch::~ServerWatch() {
  asking_.request_stop();
  looking_.request_stop();
}

void ServerWatch::command_begins() {
  const std::lock_guard lock(mutex_);
  command_runs_ = true;
}

void ServerWatch::command_ends() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, news_patience, [this] { return !health_.is_gone(); });
  command_runs_ = false;
}

void ServerWatch::tell_news() {
  const std::lock_guard lock(mutex_);
  if (!news_.empty()) write_line(std::exchange(news_, {}));
}

void ServerWatch::tell(const std::string& sentence) {
  if (sentence.empty()) return;
  if (command_runs_)
    write_line(sentence);
  else
    news_ = sentence;
}

void ServerWatch::ask(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    health_.asked(ServerHealth::Time::clock::now());
    lock.unlock();
    std::optional<std::uint64_t> epoch;
    while (!epoch && !stop.stop_requested()) {
      try {
        epoch = client_.ping({.stop = stop, .progress = {}}).epoch;
      } catch (const Error&) {
        // Still waiting for it; not to be asked in a circle without a pause.
        lock.lock();
        changed_.wait_for(lock, stop, ask_every, [] { return false; });
        lock.unlock();
      }
    }
    lock.lock();
    if (epoch) tell(health_.answered(*epoch));
    changed_.notify_all();
    changed_.wait_for(lock, stop, ask_every, [] { return false; });
  }
}

void ServerWatch::look(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    tell(health_.look(ServerHealth::Time::clock::now()));
    changed_.wait_for(lock, stop, look_every, [] { return false; });
  }
}

}  // namespace sluice::shell
