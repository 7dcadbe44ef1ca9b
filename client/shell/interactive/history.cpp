// Lines typed before: see history.hpp.
#include "client/shell/interactive/history.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "client/shell/lock_operand.hpp"

namespace sluice::shell {
namespace {

constexpr std::size_t line_bytes_most = 4096;
constexpr std::size_t file_bytes_most = 8u << 20;

// The file, locked against other shells until it is closed.
class LockedFile {
 public:
  LockedFile(const std::string& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0) close();
  }
  ~LockedFile() { close(); }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;
  int fd() const { return fd_; }

 private:
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd_;
};

std::string content(int fd) {
  struct stat about {};
  if (::fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) return "";
  const auto size = static_cast<std::size_t>(about.st_size);
  const std::size_t kept = std::min(size, file_bytes_most);
  std::string text(kept, '\0');
  const ssize_t got = ::pread(fd, text.data(), kept, static_cast<off_t>(size - kept));
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
  return lines;
}

void rewrite(int fd, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  // What is shorter is written over the beginning before the rest goes.
  if (::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()))
      [[maybe_unused]]
    const int cut = ::ftruncate(fd, static_cast<off_t>(text.size()));
}

}  // namespace

std::vector<std::string> History::load() const {
  if (path_.empty()) return {};
  const LockedFile file(path_, O_RDWR);
  if (file.fd() < 0) return {};
  std::vector<std::string> lines = lines_of(content(file.fd()));
  const bool overgrown = lines.size() > 2 * lines_most;
  if (lines.size() > lines_most)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(lines_most));
  if (overgrown) rewrite(file.fd(), lines);
  return lines;
}

bool History::add(const std::string& line) {
  if (line.empty() || line.starts_with(' ') || line == last_ || line.size() > line_bytes_most ||
      line.find("--token") != std::string::npos || mentions_token(line) ||
      line.find('\n') != std::string::npos)
    return false;
  last_ = line;
  if (path_.empty()) return true;
  const LockedFile file(path_, O_WRONLY | O_APPEND | O_CREAT);
  if (file.fd() < 0) return true;
  const std::string text = line + "\n";
  // Full disk: this shell still has it.
  [[maybe_unused]] const auto written = ::write(file.fd(), text.data(), text.size());
  return true;
}

std::string history_path() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path directory;
  if (state && state[0] == '/') {
    directory = state;
  } else if (home && home[0] == '/') {
    directory = std::filesystem::path(home) / ".local/state";
  } else {
    return "";
  }
  directory /= "sluice";
  std::error_code problem;
  std::filesystem::create_directories(directory, problem);
  return problem ? "" : directory / "history";
}

}  // namespace sluice::shell
