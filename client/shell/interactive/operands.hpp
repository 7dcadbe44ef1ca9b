// The words of a command of the shell as the arguments it gets: patterns become names, and paths of
// the server are taken from the directory the shell stands in. Main thread. Read on: words.hpp,
// globs.hpp, ../command_line.hpp.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "client/shell/command_line.hpp"
#include "client/shell/interactive/words.hpp"

namespace sluice::shell {

/// The texts alone.
std::vector<std::string> texts_of(const std::vector<Word>& words);

/// For CommandLine::parse(). Connects only if a pattern is to be looked up on the server. Throws
/// Error, `not_found` where nothing matches.
std::vector<std::string> arguments_of(const std::vector<Word>& words, const CommandLine& line,
                                      Seat& seat, const std::stop_token& stop);

}  // namespace sluice::shell
