// Lines typed at a terminal: see editor.hpp.
#include "client/shell/interactive/editor.hpp"

#include <histedit.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cwchar>
#include <stdexcept>
#include <utility>

#include "client/shell/interactive/columns.hpp"
#include "client/shell/text_width.hpp"

namespace sluice::shell {
namespace {

constexpr int history_size = static_cast<int>(History::lines_most);

using LibraryHistory = ::History;

}  // namespace

struct Editor::Library {
  Interruption& interruption;
  shell::History& file;
  const Complete complete;
  EditLine* editor = nullptr;
  LibraryHistory* history = nullptr;
  std::string prompt;
  std::mbstate_t half_read{};
  bool interrupted = false;

  Library(Interruption& signals, shell::History& lines, Complete function)
      : interruption(signals), file(lines), complete(std::move(function)) {}
  ~Library() {
    if (editor) ::el_end(editor);
    if (history) ::history_end(history);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void open();
  void remember(const std::string& line);
  int read_character(wchar_t& character);
  void draw_again();
  unsigned char on_tab();

  static Library& of(EditLine* editor) {
    void* self = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<Library*>(self);
  }
  static char* prompt_of(EditLine* editor) { return of(editor).prompt.data(); }
  static int character_of(EditLine* editor, wchar_t* character) {
    return of(editor).read_character(*character);
  }
  // Nothing may be thrown through the library, which is C.
  static unsigned char tab_of(EditLine* editor, int) {
    try {
      return of(editor).on_tab();
    } catch (const std::exception&) {
      return CC_ERROR;
    }
  }
};

void Editor::Library::open() {
  editor = ::el_init("sluice", stdin, stdout, stderr);
  history = ::history_init();
  if (!editor || !history) throw std::runtime_error("the terminal cannot be used for editing");
  HistEvent event;
  ::history(history, &event, H_SETSIZE, history_size);
  ::history(history, &event, H_SETUNIQUE, 1);
  ::el_set(editor, EL_CLIENTDATA, this);
  ::el_set(editor, EL_PROMPT, prompt_of);
  ::el_set(editor, EL_HIST, ::history, history);
  ::el_set(editor, EL_EDITOR, "emacs");
  ::el_set(editor, EL_GETCFN, character_of);
  // The narrow el_set() makes copies of the texts that nobody frees.
  ::el_wset(editor, EL_ADDFN, L"sluice-complete", L"Complete what stands before the cursor",
            tab_of);
  const std::array<std::pair<const char*, const char*>, 6> keys{{{"\t", "sluice-complete"},
                                                                 {"^R", "em-inc-search-prev"},
                                                                 {"\\e[3~", "ed-delete-next-char"},
                                                                 {"\\e[H", "ed-move-to-beg"},
                                                                 {"\\e[F", "ed-move-to-end"},
                                                                 {"^W", "ed-delete-prev-word"}}};
  for (const auto& [key, function] : keys)
    ::el_set(editor, EL_BIND, key, function, static_cast<char*>(nullptr));
  // Stopped at the prompt, the process would leave the terminal in its editing state.
  for (const char* key : {"susp=", "quit="})
    ::el_set(editor, EL_SETTY, "-d", key, static_cast<char*>(nullptr));
  ::el_source(editor, nullptr);
  for (const std::string& line : file.load()) remember(line);
}

void Editor::Library::remember(const std::string& line) {
  HistEvent event;
  ::history(history, &event, H_ENTER, line.c_str());
}

int Editor::Library::read_character(wchar_t& character) {
  std::array<pollfd, 3> ready{{{STDIN_FILENO, POLLIN, 0},
                               {interruption.wake_fd(), POLLIN, 0},
                               {interruption.resized_fd(), POLLIN, 0}}};
  while (true) {
    if (::poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[1].revents != 0) {
      interrupted = true;
      return -1;
    }
    if (ready[2].revents != 0) {
      std::uint64_t times = 0;
      if (::read(interruption.resized_fd(), &times, sizeof times) >= 0) draw_again();
      continue;
    }
    if (ready[0].revents == 0) continue;
    char byte = 0;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return 0;
    const std::size_t size = std::mbrtowc(&character, &byte, 1, &half_read);
    if (size <= 1) return 1;
    // What is no character is not typed; one that is not whole yet goes on.
    if (size == static_cast<std::size_t>(-1)) half_read = {};
  }
}

// The library draws from where it believes the prompt to begin, so the cursor has to be there: as
// many lines up as the terminal now needs for what stands before it.
void Editor::Library::draw_again() {
  const LineInfo* line = ::el_line(editor);
  const std::size_t before = text_width(prompt) + text_width({line->buffer, line->cursor});
  const std::size_t up = before / columns();
  std::string move = "\r";
  if (up > 0) move += "\x1b[" + std::to_string(up) + "A";
  std::fputs((move + "\x1b[J").c_str(), stdout);
  std::fflush(stdout);
  ::el_resize(editor);
  ::el_set(editor, EL_REFRESH);
}

unsigned char Editor::Library::on_tab() {
  const LineInfo* line = ::el_line(editor);
  const Completion completion = complete(
      std::string_view(line->buffer, static_cast<std::size_t>(line->cursor - line->buffer)));
  if (!completion.insertion.empty()) ::el_insertstr(editor, completion.insertion.c_str());
  std::string below = in_columns(completion.list, columns());
  if (!completion.note.empty()) below += completion.note + "\n";
  if (below.empty()) return completion.insertion.empty() ? CC_REFRESH_BEEP : CC_REFRESH;
  std::fprintf(stdout, "\n%s", below.c_str());
  std::fflush(stdout);
  return CC_REDISPLAY;
}

Editor::Editor(Interruption& interruption, shell::History& history, Complete complete)
    : library_(std::make_unique<Library>(interruption, history, std::move(complete))) {
  library_->open();
}

Editor::~Editor() = default;

Editor::Outcome Editor::read(const std::string& prompt, std::string& line) {
  library_->prompt = prompt;
  library_->interrupted = false;
  int count = 0;
  const char* text = ::el_gets(library_->editor, &count);
  if (text == nullptr || count <= 0) {
    std::fputs(library_->interrupted ? "^C\n" : "\n", stdout);
    std::fflush(stdout);
    return library_->interrupted ? Outcome::cleared : Outcome::closed;
  }
  line.assign(text, static_cast<std::size_t>(count));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  if (library_->file.add(line)) library_->remember(line);
  return Outcome::line;
}

std::size_t Editor::columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace sluice::shell
