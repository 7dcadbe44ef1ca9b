// Names of hosts that nobody knows: see unknown_host.hpp.
#include "client/unknown_host.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace sluice::client {

std::string problem_of_host(const std::string& endpoint) {
  const std::string scheme = "tcp://";
  const auto colon = endpoint.rfind(':');
  if (!endpoint.starts_with(scheme) || colon < scheme.size()) return {};
  std::string host = endpoint.substr(scheme.size(), colon - scheme.size());
  // An address of IPv6 stands in brackets; "SOURCE;HOST" names where to connect from.
  if (const auto source = host.find(';'); source != std::string::npos) host.erase(0, source + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (problem == 0) {
    ::freeaddrinfo(found);
    return {};
  }
  if (problem == EAI_NONAME) return "the name '" + host + "' is not known here";
  const char* reason = problem == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(problem);
  return "the name '" + host + "' cannot be looked up: " + reason;
}

}  // namespace sluice::client
