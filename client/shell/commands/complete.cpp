// `sluice __complete`: what completion in other shells asks. The last word is completed; paths of
// this machine and commands of the system are left to the asker. Read on:
// ../interactive/completion.hpp.
#include <unistd.h>

#include <cstdlib>

#include "client/shell/commands/commands.hpp"
#include "client/shell/interactive/completion.hpp"
#include "client/shell/interactive/name_sources.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

constexpr std::chrono::milliseconds time_to_answer{800};

std::string text_of(const Matches& matches) {
  std::string text;
  for (const Candidate& candidate : matches.kept()) {
    text += candidate.text;
    // Behind a mark, nothing must look like what is said to the asker.
    if (!candidate.description.empty() || candidate.text.starts_with(remote_mark))
      text += "\t" + candidate.description;
    text += "\n";
  }
  return text;
}

// No command takes these, so names behind them would be of no use.
bool is_refused(const std::string& word) {
  const std::string directory = "/" + word.substr(0, word.rfind('/') + 1);
  for (const char* part : {"//", "/./", "/../"})
    if (directory.find(part) != std::string::npos) return true;
  return false;
}

// Those of sluice.conf that begin with the word.
int print_servers(const std::string& word, Invocation& run) {
  try {
    for (const Server& server : read_servers().list)
      if (server.name.starts_with(word))
        run.out().print(server.name + "\t" + server.options.endpoint + "\n");
  } catch (const Error&) {
    // As below.
  }
  return 0;
}

int answer(std::vector<std::string> words, Invocation& run) {
  const std::string word = words.empty() ? "" : words.back();
  if (!words.empty()) words.pop_back();
  CommandLine line;
  add_commands(line);
  Global global = run.global();
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--server" && i + 1 < words.size()) global.server = words[i + 1];
    if (words[i].starts_with("--server=")) global.server = words[i].substr(9);
  }
  if (!words.empty() && words.back() == "--server") return print_servers(word, run);
  const Role role = role_to_complete(line, words, word);
  const bool is_option = word.starts_with('-');
  if (!is_option && role == Role::local) {
    run.out().print(":local\n");
    return 0;
  }
  if (role == Role::child) {
    run.out().print(":command\n");
    return 0;
  }
  if (is_refused(word)) return 0;
  try {
    Seat seat(global);
    Completer completer([&seat](const NameQuery& query, std::stop_token stop) {
      return source_for(query, seat.client(), std::move(stop));
    });
    const Matches matches = completer.matches(line, seat, words, word, time_to_answer);
    run.out().print(text_of(matches));
    run.out().flush();
    // Whoever asks does not wait for a server that does not answer.
    if (!matches.whole) std::_Exit(0);
  } catch (const Error&) {
    // Nothing can be said, and this is not the place to say why.
  }
  return 0;
}

}  // namespace

void add_complete(CommandLine& line) {
  auto words = std::make_shared<std::vector<std::string>>();
  Command command = line.add({"__complete", "Answer a completion.", "-- WORD...",
                              "  sluice __complete -- put today.csv res"},
                             [words](Invocation& run) { return answer(*words, run); });
  command.operands("WORD...", *words, 0);
}

}  // namespace sluice::shell
