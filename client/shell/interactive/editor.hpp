// Lines typed at a terminal, with editing, history and completion: the one place that uses libedit.
// The terminal is in its editing state only while read() runs. Main thread. Read on: shell.cpp,
// completion.hpp, history.hpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "client/shell/interactive/completion.hpp"
#include "client/shell/interactive/history.hpp"
#include "client/shell/interruption.hpp"

namespace sluice::shell {

class Editor {
 public:
  using Complete = std::function<Completion(std::string_view before_cursor)>;
  enum class Outcome { line, cleared, closed };

  /// Standard input and output are a terminal.
  Editor(Interruption& interruption, History& history, Complete complete);
  ~Editor();
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  /// `line` without its newline; `cleared` by Ctrl-C, `closed` by Ctrl-D on an empty line or a
  /// terminal that is gone.
  Outcome read(const std::string& prompt, std::string& line);
  /// Columns of the terminal.
  static std::size_t columns();

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace sluice::shell
