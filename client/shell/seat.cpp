// What outlives one command: see seat.hpp.
#include "client/shell/seat.hpp"

#include <utility>

namespace sluice::shell {

const Server& Seat::server() {
  if (!server_) server_ = resolve_server(global_.server);
  return *server_;
}

Client& Seat::client() {
  if (client_) return *client_;
  Options options = server().options;
  options.waiting = [this](const std::string& words) { tell_waiting(words); };
  client_ = std::make_unique<Client>(options);
  return *client_;
}

void Seat::on_waiting(std::function<void(const std::string& words)> tell) {
  const std::lock_guard lock(waiting_mutex_);
  tell_waiting_ = std::move(tell);
}

void Seat::tell_waiting(const std::string& words) {
  const std::lock_guard lock(waiting_mutex_);
  if (tell_waiting_) tell_waiting_(words);
}

void Seat::change_directory(std::string directory) {
  former_directory_ = std::exchange(directory_, std::move(directory));
}

}  // namespace sluice::shell
