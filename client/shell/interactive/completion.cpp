// What Tab does: see completion.hpp.
#include "client/shell/interactive/completion.hpp"

#include <algorithm>

#include "client/shell/format.hpp"
#include "client/shell/interactive/operands.hpp"
#include "client/shell/interactive/words.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t listed_most = 200;
/// What was read of a directory is believed this long.
constexpr std::chrono::seconds fresh{2};

void add_described(Matches& matches, const std::vector<Described>& all, const std::string& word) {
  for (const Described& each : all)
    if (each.name.starts_with(word)) matches.add({each.name, each.name, each.description, false});
}

void add_own_locks(Matches& matches, const Seat& seat, const std::string& word) {
  for (const OwnLock& own : seat.locks().all()) {
    const std::string number = std::to_string(own.lock.number());
    if (number.starts_with(word)) matches.add({number, number, paths_text(own.claims), false});
    for (const Claim& claim : own.claims) {
      const std::string path = "/" + claim.path;
      if (path.starts_with(word)) matches.add({path, escaped(path), "lock " + number, false});
    }
  }
}

std::string last_command(const CommandLine& line, const std::vector<std::string>& words) {
  const std::vector<Role> roles = line.roles(words);
  const auto command = std::find(roles.begin(), roles.end(), Role::command);
  return command == roles.end() ? "" : words[static_cast<std::size_t>(command - roles.begin())];
}

// What is typed behind the word that the cursor is at.
std::string insertion_for(const Matches& matches, const Word& word, char open) {
  if (matches.count() == 0 || !matches.whole || matches.common().size() < word.text.size())
    return "";
  std::string typed =
      typed_form(matches.common().substr(word.text.size()), open, word.text.empty());
  if (matches.count() > 1 || matches.kept().front().goes_on) return typed;
  if (open != 0) typed += open;
  return typed + " ";
}

std::string note_for(const Matches& matches, std::size_t listed) {
  if (!matches.problem.empty()) return matches.problem;
  if (!matches.whole && matches.count() == 0)
    return "No name so far: the directory is large or the server slow. Tab goes on.";
  if (!matches.whole)
    return "The directory is large: " + std::to_string(matches.count()) +
           (matches.count() == 1 ? " name" : " names") + " so far. Tab goes on.";
  if (matches.count() > listed && listed > 0)
    return "And " + std::to_string(matches.count() - listed) + " more.";
  return "";
}

}  // namespace

Role role_to_complete(const CommandLine& line, const std::vector<std::string>& before,
                      const std::string& word) {
  std::vector<std::string> words = before;
  // An empty word, or a lone '-', is an operand to whoever reads a whole line.
  words.push_back(word.empty() ? "x" : word);
  const Role role = line.roles(words).back();
  return role == Role::either && !word.starts_with(remote_mark) ? Role::local : role;
}

Matches Completer::matches(const CommandLine& line, const Seat& seat,
                           const std::vector<std::string>& before, const std::string& word,
                           std::chrono::milliseconds time) {
  Matches matches;
  const Role role = role_to_complete(line, before, word);
  const bool is_option = word.starts_with('-') && role != Role::value && role != Role::child;
  const bool options_ended = std::find(before.begin(), before.end(), "--") != before.end();
  if (is_option && !options_ended) {
    add_described(matches, line.options(last_command(line, before)), word);
    return matches;
  }
  NameQuery query{.local = role == Role::local, .directories_only = role == Role::directory};
  if (role == Role::either) query.mark = remote_mark;
  const std::string path = word.substr(query.mark.size());
  const auto slash = path.rfind('/');
  query.directory = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  query.prefix = slash == std::string::npos ? path : path.substr(slash + 1);
  if (!query.local) query.working_directory = seat.directory();
  switch (role) {
    case Role::command:
    case Role::command_name:
      add_described(matches, line.commands(), word);
      return matches;
    case Role::own_lock:
      add_own_locks(matches, seat, word);
      return matches;
    case Role::lock_number:
      return names({.lock_numbers = true, .prefix = word}, time);
    case Role::remote:
    case Role::directory:
    case Role::local:
    case Role::either:
      return names(std::move(query), time);
    default:
      return matches;
  }
}

Matches Completer::names(NameQuery query, std::chrono::milliseconds time) {
  std::erase_if(retired_, [](const auto& scan) { return scan->ended(); });
  const bool same =
      scan_ && scan_->query() == query && (!scan_->ended() || Clock::now() - scan_begun_ < fresh);
  if (!same) {
    if (scan_) {
      scan_->stop();
      retired_.push_back(std::move(scan_));
    }
    scan_ = std::make_unique<NameScan>(std::move(query), make_);
    scan_begun_ = Clock::now();
  }
  return scan_->wait(time);
}

Completion complete(std::string_view before_cursor, const CommandLine& line, const Seat& seat,
                    Completer& completer, std::chrono::milliseconds time) {
  const Line read = read_line(before_cursor);
  if (read.in_comment || read.open == '\\') return {};
  std::vector<Word> words;
  if (!read.statements.empty()) words = read.statements.back().words;
  if (!read.statements.empty() && read.statements.back().local_command) return {};
  Word word;
  if (read.in_word && !words.empty()) {
    word = words.back();
    words.pop_back();
  }
  const Matches matches = completer.matches(line, seat, texts_of(words), word.text, time);
  Completion completion;
  completion.insertion = insertion_for(matches, word, read.open);
  if (matches.count() > 1 || !matches.whole) {
    for (const Candidate& candidate : matches.kept()) {
      if (completion.list.size() == listed_most) break;
      completion.list.push_back(candidate.shown);
    }
    std::sort(completion.list.begin(), completion.list.end());
  }
  completion.note = note_for(matches, completion.list.size());
  return completion;
}

}  // namespace sluice::shell
