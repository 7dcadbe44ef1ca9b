// A session with sluiced over a plain socket (zmtp.hpp), like the connections of the other loads;
// sluice-bench measures the same through libzmq. One thread. Read on: locks_sluice.cpp,
// files_sluice.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bench/peers/zmtp.hpp"
#include "protocol/errors.hpp"
#include "protocol/frame.hpp"
#include "protocol/messages/session.hpp"

namespace sluice::bench::peers {

struct Reply {
  protocol::Type type{};
  std::string_view body;
  std::string_view payload;
};

class SluiceSession {
 public:
  /// Connects and says hello, with the server's own lease: locks that live longer wait for the
  /// disk. `server` is ADDRESS:PORT. Throws std::runtime_error.
  SluiceSession(const std::string& server, const std::string& name);

  int fd() const { return connection_.fd(); }
  /// Puts a request behind those that wait for `flush`.
  template <class M>
  void add(const M& request, std::string_view payload = {}, std::uint32_t credit_bytes = 0) {
    protocol::Header header;
    header.type = M::type;
    header.request_id = ++last_id_;
    header.credit_bytes = credit_bytes;
    const auto frame = protocol::encode_frame(header);
    connection_.add({frame.data(), frame.size()}, true);
    connection_.add(protocol::encode(request), !payload.empty());
    if (!payload.empty()) connection_.add(payload, false);
  }
  void flush() { connection_.flush(); }
  void read() { connection_.read(); }
  /// Takes an answer of what was read; it lives until the next `read`. Throws std::runtime_error
  /// with what the server says if that is an error.
  bool next(Reply& reply);
  /// Sends what waits, and reads until there is an answer.
  Reply answer();
  void say_bye();

 private:
  ZmtpConnection connection_;
  std::uint64_t last_id_ = 0;
};

}  // namespace sluice::bench::peers
