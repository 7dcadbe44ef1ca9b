// Endpoints as users write them: "tcp://127.0.0.1:5970", "ipc:///run/sluice/clients". libzmq takes
// some that cannot be meant, and gives up others without a word. Read on: runtime/transport.hpp.
#pragma once

#include <string>

#include "protocol/errors.hpp"

namespace sluice::runtime {

/// Fails with `usage` if it cannot be meant: another transport, a port above 65535, a path too long
/// for a socket. "inproc://" is for the inside of a process and passes.
protocol::Result<void> check_endpoint(const std::string& endpoint);

/// The same for an endpoint to connect to, which has to name one: no '*', no port 0.
protocol::Result<void> check_remote_endpoint(const std::string& endpoint);

/// Before an ipc endpoint is bound: libzmq would unlink whatever is there. A socket that nobody
/// listens to any more may go; fails with `cannot_listen` if something else is there or somebody
/// listens. Other transports pass.
protocol::Result<void> make_way_for(const std::string& endpoint);

/// The path of an ipc endpoint; empty for other transports and abstract names.
std::string path_of_ipc(const std::string& endpoint);

}  // namespace sluice::runtime
