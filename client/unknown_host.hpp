// Why a server that does not answer may never have been asked: libzmq looks up the name of its host
// again and again, and says nothing when there is none. Any thread but the connection's. Read on:
// client/convert.cpp.
#pragma once

#include <string>

namespace sluice::client {

/// What is wrong with the host of a tcp endpoint, for a person; empty if it has an address, or for
/// other endpoints. Asks the resolver of the system, which can take seconds.
std::string problem_of_host(const std::string& endpoint);

}  // namespace sluice::client
