// What outlives one command: see seat.hpp.
#include "client/shell/seat.hpp"

#include <utility>

namespace sluice::shell {

const Server& Seat::server() {
  if (!server_) server_ = resolve_server(global_.server);
  return *server_;
}

Client& Seat::client() {
  if (!client_) client_ = std::make_unique<Client>(server().options);
  return *client_;
}

void Seat::change_directory(std::string directory) {
  former_directory_ = std::exchange(directory_, std::move(directory));
}

}  // namespace sluice::shell
