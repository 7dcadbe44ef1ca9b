// Words as arguments: see operands.hpp.
#include "client/shell/interactive/operands.hpp"

#include <algorithm>
#include <iterator>

#include "client/shell/interactive/globs.hpp"
#include "client/shell/interactive/name_sources.hpp"
#include "client/shell/interactive/paths.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

// As commands take it, from the root. An empty one stays empty, and is refused.
std::string from_root(const Seat& seat, const std::string& typed) {
  if (typed.empty()) return typed;
  const std::string path = resolved(seat.directory(), typed);
  if (path.empty()) return ".";
  // "DIR/." and ".." are directories whose contents are meant.
  return names_contents(typed) ? path + "/." : path;
}

std::vector<std::string> remote_paths(const Word& word, Seat& seat, const std::stop_token& stop) {
  if (!word.has_wildcard()) return {from_root(seat, word.text)};
  RemoteNames source(seat.client(), seat.directory(), stop);
  std::vector<std::string> paths = expanded(word, source);
  for (std::string& path : paths) path = from_root(seat, path);
  return paths;
}

// Behind the ':' that says so.
std::vector<std::string> marked_remote_paths(Word word, Seat& seat, const std::stop_token& stop) {
  word.text.erase(0, 1);
  word.quoted.erase(word.quoted.begin());
  // The shell's directory.
  if (word.text.empty()) return {remote_mark + from_root(seat, ".")};
  std::vector<std::string> paths = remote_paths(word, seat, stop);
  for (std::string& path : paths) path.insert(0, remote_mark);
  return paths;
}

std::vector<std::string> local_paths(const Word& word, const std::stop_token& stop) {
  const bool home = word.text.starts_with('~') && !word.quoted.front();
  if (!word.has_wildcard()) return {home ? with_home(word.text) : word.text};
  LocalNames source(stop);
  std::vector<std::string> paths = expanded(word, source);
  if (home)
    for (std::string& path : paths) path = with_home(path);
  return paths;
}

void append(std::vector<std::string>& to, std::vector<std::string>&& more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

std::vector<std::string> texts_of(const std::vector<Word>& words) {
  std::vector<std::string> texts;
  for (const Word& word : words) texts.push_back(word.text);
  return texts;
}

std::vector<std::string> arguments_of(const std::vector<Word>& words, const CommandLine& line,
                                      Seat& seat, const std::stop_token& stop) {
  const std::vector<Role> roles = line.roles(texts_of(words));
  std::vector<std::string> arguments;
  std::vector<std::string> operands;
  std::vector<std::string> child;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    switch (roles[i]) {
      case Role::directory:
        if (word.text == "-") {
          operands.push_back(word.text);
          break;
        }
        [[fallthrough]];
      case Role::remote:
        append(operands, remote_paths(word, seat, stop));
        break;
      case Role::local:
        append(operands, local_paths(word, stop));
        break;
      case Role::either:
        append(operands, word.text.starts_with(remote_mark) ? marked_remote_paths(word, seat, stop)
                                                            : local_paths(word, stop));
        break;
      case Role::own_lock:
      case Role::lock_number:
      case Role::command_name:
        operands.push_back(word.text);
        break;
      case Role::child:
        child.push_back(word.text);
        break;
      case Role::mark:
        break;
      default:
        arguments.push_back(word.text);
    }
  }
  // A name that looks like an option is none; what ends the options must not begin the command.
  const bool like_options = std::any_of(operands.begin(), operands.end(),
                                        [](const std::string& o) { return o.starts_with('-'); });
  if (like_options) arguments.emplace_back("--");
  append(arguments, std::move(operands));
  if (!child.empty() || (like_options && line.takes_child(arguments.front()))) {
    arguments.emplace_back("--");
    append(arguments, std::move(child));
  }
  return arguments;
}

}  // namespace sluice::shell
