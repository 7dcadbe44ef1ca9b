// See remaining_wait.hpp.
#include "client/remaining_wait.hpp"

#include <algorithm>

#include "protocol/limits.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/locks.hpp"

namespace sluice::client {
namespace {

using protocol::Type;
using runtime::Time;

template <class M>
std::uint32_t& wait_of(M& message) {
  if constexpr (requires { message.terms; })
    return message.terms.wait_ms;
  else
    return message.wait_ms;
}

template <protocol::Fields M>
std::string shortened(const std::string& body, Time waited) {
  auto message = protocol::decode<M>(body);
  if (!message || wait_of(*message) == 0) return body;
  const Time wait{wait_of(*message)};
  const Time least = std::min(wait, Time{protocol::limits::wait_again_min_ms});
  const Time left = std::clamp(wait - waited, least, wait);
  wait_of(*message) = static_cast<std::uint32_t>(left.count());
  return protocol::encode(*message);
}

}  // namespace

std::string with_remaining_wait(Type type, const std::string& body, Time waited) {
  switch (type) {
    case Type::acquire_lock:
      return shortened<protocol::AcquireLock>(body, waited);
    case Type::convert_lock:
      return shortened<protocol::ConvertLock>(body, waited);
    case Type::put:
      return shortened<protocol::Put>(body, waited);
    case Type::write_commit:
      return shortened<protocol::WriteCommit>(body, waited);
    case Type::remove:
      return shortened<protocol::Remove>(body, waited);
    case Type::rename:
      return shortened<protocol::Rename>(body, waited);
    case Type::copy:
      return shortened<protocol::Copy>(body, waited);
    case Type::make_directory:
      return shortened<protocol::MakeDirectory>(body, waited);
    case Type::set_attributes:
      return shortened<protocol::SetAttributes>(body, waited);
    default:
      return body;
  }
}

}  // namespace sluice::client
