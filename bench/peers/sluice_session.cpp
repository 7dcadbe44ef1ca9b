// See sluice_session.hpp.
#include "bench/peers/sluice_session.hpp"

#include "bench/peers/load.hpp"
#include "protocol/limits.hpp"
#include "runtime/secrets.hpp"

namespace sluice::bench::peers {

using protocol::Type;

SluiceSession::SluiceSession(const std::string& server, const std::string& name)
    : connection_(host_and_port(server).first, host_and_port(server).second) {
  protocol::Hello hello;
  hello.version_min = protocol::limits::version_min;
  hello.version_max = protocol::limits::version_max;
  hello.secret = runtime::SystemSecrets().bytes(16);
  hello.name = name;
  add(hello);
  if (answer().type != Type::welcome) throw std::runtime_error("the server gives no welcome");
}

bool SluiceSession::next(Reply& reply) {
  ZmtpConnection::Frames frames;
  if (!connection_.next(frames)) return false;
  const auto header = protocol::decode_header(std::span(frames[0].data(), frames[0].size()));
  if (!header) throw std::runtime_error(protocol::sentence(header.error()));
  reply = {header->type, frames[1], frames[2]};
  if (reply.type != Type::error) return true;
  const auto error = protocol::decode<protocol::ErrorReply>(reply.body);
  throw std::runtime_error(error ? protocol::sentence({error->code, error->path, error->detail})
                                 : "an answer that could not be read");
}

Reply SluiceSession::answer() {
  flush();
  Reply reply;
  while (!next(reply)) read();
  return reply;
}

void SluiceSession::say_bye() {
  add(protocol::Bye{});
  answer();
}

}  // namespace sluice::bench::peers
