// Small files of a server that speaks HTTP/1.1 and takes PUT (WebDAV), over connections that are
// kept. Missing directories are the server's to make. See files.hpp.
#include <charconv>
#include <iterator>
#include <string_view>

#include "bench/peers/connection.hpp"
#include "bench/peers/files.hpp"

namespace sluice::bench::peers {
namespace {

std::size_t number_after(std::string_view text, std::string_view what) {
  const auto at = text.find(what);
  std::size_t number = 0;
  if (at != std::string_view::npos)
    std::from_chars(text.data() + at + what.size(), text.data() + text.size(), number);
  return number;
}

class HttpFiles {
 public:
  HttpFiles(const std::string& server, const std::string& /*directory*/)
      : host_(server), connection_(host_and_port(server).first, host_and_port(server).second) {}

  int fd() const { return connection_.fd(); }

  void get(const std::string& path) {
    fmt::format_to(std::back_inserter(connection_.out()), "GET /{} HTTP/1.1\r\nHost: {}\r\n\r\n",
                   path, host_);
    connection_.flush();
  }

  void put(const std::string& path, const std::string& bytes) {
    fmt::format_to(std::back_inserter(connection_.out()),
                   "PUT /{} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{}", path, host_,
                   bytes.size(), bytes);
    connection_.flush();
  }

  void read(const OnAnswer& on_answer) {
    connection_.read();
    while (true) {
      const std::string_view bytes = connection_.left();
      const auto end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) return;
      const std::string_view head = bytes.substr(0, end);
      const std::size_t status = number_after(head, "HTTP/1.1 ");
      if (status < 200 || status > 299)
        throw std::runtime_error(fmt::format("the server answers {}", status));
      const std::size_t body_bytes = number_after(head, "\r\nContent-Length: ");
      const std::size_t whole = end + 4 + body_bytes;
      if (bytes.size() < whole) return;
      connection_.take(whole);
      on_answer(body_bytes);
    }
  }

 private:
  const std::string host_;
  Connection connection_;
};

}  // namespace

const std::vector<std::string> operations = {"get", "put"};

Result run_load(const Options& options) {
  return FileRun<HttpFiles>(options).run();
}

}  // namespace sluice::bench::peers
