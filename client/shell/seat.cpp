// What outlives one command: see seat.hpp.
#include "client/shell/seat.hpp"

#include <utility>

namespace sluice::shell {

Client& Seat::client() {
  if (!client_) client_ = std::make_unique<Client>(Options{.endpoint = global_.server});
  return *client_;
}

void Seat::change_directory(std::string directory) {
  former_directory_ = std::exchange(directory_, std::move(directory));
}

}  // namespace sluice::shell
