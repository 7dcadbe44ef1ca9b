// One run of `sluice`: see invocation.hpp.
#include "client/shell/invocation.hpp"

#include <unistd.h>

#include <cstdio>

#include "client/shell/format.hpp"
#include "client/shell/json.hpp"

namespace sluice::shell {

void print_error(const Error& error, bool json) {
  std::string line;
  if (json) {
    line = JsonObject()
               .add("error", error.code())
               .add("path", error.path())
               .add("message", error.what())
               .add("exit", error.exit_status())
               .text();
  } else {
    line = "sluice: " + one_line(error.what());
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
      return error.code() == "no_space" || error.code() == "log_failed";
  }
}

Invocation::Invocation(Global global, Interruption& interruption)
    : global_(std::move(global)),
      interruption_(interruption),
      out_(interruption),
      progress_(::isatty(STDERR_FILENO) == 1 && !global_.json) {}

Client& Invocation::client() {
  if (!client_) client_ = std::make_unique<Client>(Options{.endpoint = global_.server});
  return *client_;
}

void Invocation::report(const Error& error) {
  if (ends_everything(error)) throw error;
  progress_.clear();
  const std::lock_guard lock(mutex_);
  print_error(error, global_.json);
  if (status_ == 0) status_ = error.exit_status();
}

void Invocation::warn(const std::string& path, const std::string& what) {
  progress_.clear();
  const std::lock_guard lock(mutex_);
  const std::string line = global_.json ? JsonObject().add("warning", what).add("path", path).text()
                                        : "sluice: " + one_line(path) + ": " + what;
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace sluice::shell
