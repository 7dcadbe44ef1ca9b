// See path_request.hpp.
#include "client/path_request.hpp"

#include "protocol/path.hpp"

namespace sluice::client {

using protocol::Code;

protocol::Result<void> check(const Paths& paths) {
  for (const std::string& path : paths)
    if (auto checked = protocol::check_path(path); !checked) return checked;
  return {};
}

protocol::Error of_server(protocol::Error error) {
  if (error.code == Code::not_found && error.detail.empty()) error.detail = "on the server";
  return error;
}

tl::unexpected<protocol::Error> named(protocol::Error error, const std::string& path,
                                      const Connection& connection) {
  const bool about_server =
      protocol::exit_status(error.code) == protocol::exit_status(Code::unreachable);
  error = of_server(std::move(error));
  if (error.path.empty()) error.path = about_server ? connection.endpoint() : path;
  return tl::make_unexpected(std::move(error));
}

void note_failure(Connection& connection, const std::string& token, const protocol::Error& error) {
  if (error.code == Code::fenced || error.code == Code::lease_expired)
    connection.held_locks().lose(token, error);
}

}  // namespace sluice::client
