// One run of `sluice`: see invocation.hpp.
#include "client/shell/invocation.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string_view>

#include "client/shell/format.hpp"
#include "client/shell/json.hpp"
#include "client/shell/lock_operand.hpp"

namespace sluice::shell {

namespace {

// In a shell nobody types `sluice` before a command, nor --help behind it.
std::string sentence_of(const Error& error, const Global& global) {
  constexpr std::string_view advice = "see --help";
  std::string text = error.what();
  if (global.in_shell && text.ends_with(advice))
    text.replace(text.size() - advice.size(), advice.size(),
                 error.path().empty() ? "see 'help'" : "see 'help COMMAND'");
  return text;
}

}  // namespace

void print_error(const Error& error, const Global& global) {
  std::string line;
  if (global.json) {
    JsonObject object;
    object.add("error", error.code())
        .add("path", error.path())
        .add("message", sentence_of(error, global))
        .add("exit", error.exit_status());
    if (global.script_line > 0) object.add("line", global.script_line);
    line = object.text();
  } else {
    line = "sluice: ";
    if (global.script_line > 0) line += "line " + std::to_string(global.script_line) + ": ";
    line += one_line(sentence_of(error, global));
  }
  std::fprintf(stderr, "%s\n", line.c_str());
}

bool ends_everything(const Error& error) {
  switch (error.exit_status()) {
    case 6:
    case 8:
    case 130:
      return true;
    default:
      return error.code() == "usage" || error.code() == "no_space" || error.code() == "log_failed";
  }
}

Invocation::Invocation(Seat& seat, Global global, Interruption& interruption)
    : seat_(seat),
      traffic_before_(seat.traffic()),
      global_(std::move(global)),
      interruption_(interruption),
      out_(interruption),
      progress_(global_.json                   ? ProgressDisplay::Place::nowhere
                : ::isatty(STDERR_FILENO) == 1 ? ProgressDisplay::Place::terminal
                                               : ProgressDisplay::Place::lines) {
  if (global_.json) return;
  seat_.on_waiting([this](const std::string& words) {
    const auto limit = seat_.server().options.reconnect_limit;
    note(fmt::format("{}: {}; asking again for up to {} s", server(), words,
                     std::chrono::ceil<std::chrono::seconds>(limit).count()));
  });
}

Traffic Invocation::traffic() const {
  const Traffic now = seat_.traffic();
  return {now.sent_bytes - traffic_before_.sent_bytes,
          now.received_bytes - traffic_before_.received_bytes};
}

Change Invocation::under_own_lock(Change change, const std::vector<std::string>& paths) {
  changes_ = true;
  // A mistake of whoever calls: no lock was lost.
  if (!change.token.empty() && !is_token(change.token))
    throw Error("usage", {}, "--token or $SLUICE_LOCK_TOKEN is no token: a number and 16 digits");
  if (change.token.empty()) change.token = seat_.locks().token_for(paths);
  change.agent = agent;
  return change;
}

Error Invocation::explained(const Error& error) const {
  if (error.exit_status() != 5 || !changes_) return error;
  const OwnLock* own = seat_.locks().in_the_way_of({.path = error.path()});
  // Under an exclusive one it would have been done.
  if (own == nullptr || !own->claims.front().shared) return error;
  const std::string number = std::to_string(own->lock.number());
  return {"not_covered", error.path(),
          "this shell holds it itself, but shared, as lock " + number + "; 'upgrade " + number +
              "' makes it exclusive, 'unlock " + number + "' gives it back"};
}

void Invocation::report(const Error& failure) {
  const Error error = explained(failure);
  if (ends_everything(error)) throw Error(error);
  const auto hidden = progress_.hide();
  const std::lock_guard lock(mutex_);
  print_error(error, global_);
  if (status_ == 0) status_ = error.exit_status();
}

void Invocation::warn(const std::string& path, const std::string& what) {
  const auto hidden = progress_.hide();
  const std::lock_guard lock(mutex_);
  const std::string line = global_.json ? JsonObject().add("warning", what).add("path", path).text()
                                        : "sluice: " + one_line(path) + ": " + what;
  std::fprintf(stderr, "%s\n", line.c_str());
}

void Invocation::note(const std::string& sentence) {
  const auto hidden = progress_.hide();
  const std::lock_guard lock(mutex_);
  std::fprintf(stderr, "sluice: %s\n", one_line(sentence).c_str());
}

}  // namespace sluice::shell
