// How a session begins and ends.
#include "client/core.hpp"

#include <pwd.h>
#include <unistd.h>

#include "client/convert.hpp"
#include "protocol/limits.hpp"
#include "runtime/secrets.hpp"

namespace sluice::client {
namespace {

constexpr std::size_t name_bytes_max = 128;

std::string default_name() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found);
  const std::string user = found ? found->pw_name : std::to_string(geteuid());
  return user + "@" + host + ":" + std::to_string(getpid());
}

SessionConfig session_config(const Options& options) {
  SessionConfig config;
  config.secret = runtime::SystemSecrets().bytes(16);
  config.name = (options.name.empty() ? default_name() : options.name).substr(0, name_bytes_max);
  config.lease_ms = to_ms(options.lease, protocol::limits::lease_max_ms);
  config.connect_timeout = options.connect_timeout;
  config.reconnect_limit = options.reconnect_limit;
  config.waiting = options.waiting;
  return config;
}

}  // namespace

Core::Core(const Options& options)
    : patience(options.request_timeout),
      connection(value_of(Connection::open(options.endpoint, session_config(options)))) {}

Core::~Core() {
  end();
  // A Lock may hold it for a moment longer; what refers to this core must not.
  connection->close();
}

void Core::end() {
  threads.close();
  connection->end();
  threads.join();
  connection->held_locks().watch().stop();
}

}  // namespace sluice::client
