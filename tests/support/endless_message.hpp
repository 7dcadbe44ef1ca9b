// A peer that speaks just enough ZMTP 3.0 (NULL mechanism) over a plain socket to send a message
// that never ends.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

namespace sluice::tests {

class EndlessMessage {
 public:
  /// `endpoint`: "tcp://127.0.0.1:PORT".
  explicit EndlessMessage(const std::string& endpoint) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    closed_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
    std::string greeting("\xff\0\0\0\0\0\0\0\0\x7f\x03\0NULL", 16);
    greeting.resize(64, '\0');
    constexpr char command[] =
        "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
        "DEALER";
    const std::string ready(command, sizeof command - 1);
    write_all(greeting);
    write_all(ready);
    // Before the other side has said that it is ready, it takes a message for an error.
    const std::string theirs = read_all(greeting.size() + 2);
    if (!closed_) read_all(static_cast<unsigned char>(theirs.back()));
  }
  ~EndlessMessage() { close(fd_); }
  EndlessMessage(const EndlessMessage&) = delete;
  EndlessMessage& operator=(const EndlessMessage&) = delete;

  /// One more part, with "more" set; false once the other side has closed.
  bool send_more(std::uint32_t size) {
    std::string frame(9, '\0');
    frame[0] = '\x03';  // long frame, more to come
    for (int i = 0; i < 4; ++i)
      frame[8 - static_cast<std::size_t>(i)] = static_cast<char>(size >> (8 * i));
    frame.append(size, 'x');
    if (write_all(frame)) sent_bytes_ += frame.size();
    return !closed_;
  }
  bool closed() const { return closed_; }
  std::uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  bool write_all(const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size() && !closed_;) {
      pollfd item{fd_, POLLIN | POLLOUT, 0};
      poll(&item, 1, 1'000);
      // A socket whose other side has gone may take nothing for long and yet tell of no error.
      char byte = 0;
      if (item.revents & POLLIN) closed_ = recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
      if (closed_ || !(item.revents & POLLOUT)) continue;
      const ssize_t sent =
          send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      closed_ = sent < 0 && errno != EAGAIN;
      done += static_cast<std::size_t>(sent > 0 ? sent : 0);
    }
    return !closed_;
  }

  std::string read_all(std::size_t size) {
    std::string bytes(size, '\0');
    closed_ = closed_ || recv(fd_, bytes.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size);
    return bytes;
  }

  int fd_;
  bool closed_ = false;
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace sluice::tests
