// A command run under a lock: see child.hpp.
#include "client/shell/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace sluice::shell {
namespace {

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& variables) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : variables) replaced |= text.starts_with(name + "=");
    if (!replaced) environment.emplace_back(text);
  }
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  return environment;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The child's side of the fork. Only what is safe in a signal handler may be called here. Ends with
// the error number in the pipe if the command cannot be run.
[[noreturn]] void become(char* const* arguments, char* const* environment, const sigset_t& mask,
                         pid_t parent, int problem_fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  // The parent that has gone in between sends nothing any more.
  if (::getppid() != parent) ::_exit(128 + SIGTERM);
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  ::sigaction(SIGPIPE, &defaults, nullptr);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execvpe(arguments[0], arguments, environment);
  const int problem = errno;
  [[maybe_unused]] const auto told = ::write(problem_fd, &problem, sizeof problem);
  ::_exit(127);
}

// What came through the pipe before it was closed; 0 if nothing did.
int problem_from(int fd) {
  int problem = 0;
  ssize_t got = 0;
  do got = ::read(fd, &problem, sizeof problem);
  while (got < 0 && errno == EINTR);
  return got == sizeof problem ? problem : 0;
}

[[noreturn]] void fail(int problem, const char* what) {
  throw std::system_error(problem, std::generic_category(), what);
}

}  // namespace

Child::Child(const std::vector<std::string>& command,
             const std::vector<std::pair<std::string, std::string>>& variables,
             const sigset_t& mask) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> environment = environment_with(variables);
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  std::array<int, 2> problems{};
  if (::pipe2(problems.data(), O_CLOEXEC) != 0) fail(errno, "pipe2");
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0)
    become(argument_pointers.data(), environment_pointers.data(), mask, parent, problems[1]);
  int problem = pid_ < 0 ? errno : 0;
  ::close(problems[1]);
  if (pid_ > 0) problem = problem_from(problems[0]);
  ::close(problems[0]);
  if (problem != 0) {
    if (pid_ > 0) wait();
    fail(problem, "cannot be run");
  }
  ended_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (ended_fd_ < 0) {
    problem = errno;
    send(SIGKILL);
    wait();
    fail(problem, "pidfd_open");
  }
}

Child::~Child() {
  wait();
  if (ended_fd_ >= 0) ::close(ended_fd_);
}

void Child::send(int signal) {
  if (status_ < 0) ::kill(pid_, signal);
}

int Child::wait() {
  if (status_ >= 0) return status_;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return status_;
}

}  // namespace sluice::shell
