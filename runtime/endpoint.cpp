// See endpoint.hpp.
#include "runtime/endpoint.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace sluice::runtime {

using protocol::Code;
using protocol::fail;
using protocol::Result;

namespace {

constexpr std::string_view tcp = "tcp://";
constexpr std::string_view ipc = "ipc://";
constexpr int port_max = 65'535;

bool is_port(std::string_view text) {
  if (text == "*") return true;
  int port = -1;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  return problem == std::errc{} && end == text.data() + text.size() && port >= 0 &&
         port <= port_max;
}

bool somebody_listens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  const int rc = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  // A full queue of connections is somebody's as well.
  const bool listens = rc == 0 || errno == EAGAIN || errno == EINPROGRESS;
  close(fd);
  return listens;
}

}  // namespace

std::string path_of_ipc(const std::string& endpoint) {
  if (!endpoint.starts_with(ipc) || endpoint.starts_with("ipc://@")) return {};
  return endpoint.substr(ipc.size());
}

Result<void> check_endpoint(const std::string& endpoint) {
  if (endpoint.starts_with("inproc://")) return {};
  if (endpoint.starts_with(ipc)) {
    const std::size_t size = endpoint.size() - ipc.size();
    if (size > 0 && size < sizeof sockaddr_un::sun_path) return {};
    return fail(Code::usage, endpoint, "a path of 1 to 107 bytes is needed");
  }
  if (!endpoint.starts_with(tcp))
    return fail(Code::usage, endpoint, "an endpoint is tcp://HOST:PORT or ipc://PATH");
  const auto colon = endpoint.rfind(':');
  if (colon <= tcp.size() || !is_port(std::string_view(endpoint).substr(colon + 1)))
    return fail(Code::usage, endpoint, "a host and a port up to 65535 are needed");
  return {};
}

Result<void> check_remote_endpoint(const std::string& endpoint) {
  if (auto ok = check_endpoint(endpoint); !ok) return ok;
  if (!endpoint.starts_with(tcp)) return {};
  const std::string_view address = std::string_view(endpoint).substr(tcp.size());
  const auto colon = address.rfind(':');
  const std::string_view port = address.substr(colon + 1);
  const bool any_port = port == "*" || port.find_first_not_of('0') == std::string_view::npos;
  if (address.substr(0, colon) == "*" || any_port)
    return fail(Code::usage, endpoint, "'*' and port 0 are to listen on: name a host and its port");
  return {};
}

Result<void> make_way_for(const std::string& endpoint) {
  const std::string path = path_of_ipc(endpoint);
  struct stat info {};
  if (path.empty() || ::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode))
    return fail(Code::cannot_listen, endpoint, "something that is no socket is there");
  if (somebody_listens(path)) return fail(Code::cannot_listen, endpoint, "Address already in use");
  return {};
}

}  // namespace sluice::runtime
