// Names of files in the server's own directory. Each begins with the session it belongs to, so that
// what a session leaves can be found when it ends; what is kept without one begins with session 0,
// which no session is. Pure functions.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/digest.hpp"

namespace sluice::storage {

/// Every name begins with this: 16 hex digits and '-'.
inline std::string session_prefix(std::uint64_t session) {
  return fmt::format("{:016x}-", session);
}

/// Stands for what belongs to no session.
inline constexpr std::uint64_t kept_session = 0;

/// The staging name of an upload: `upload` are the 16 bytes the client chose. Of a kept one the
/// session is `kept_session`.
inline std::string upload_name(std::uint64_t session, std::string_view upload) {
  return session_prefix(session) + protocol::to_hex(upload);
}

inline bool is_kept_name(std::string_view name) {
  return name.starts_with(session_prefix(kept_session));
}

/// The staging name of what one attempt at one request stages.
inline std::string request_name(std::uint64_t session, std::uint64_t request_id,
                                std::uint16_t attempt) {
  return session_prefix(session) + fmt::format("{:016x}.{}", request_id, attempt);
}

/// The snapshot name that a client is told; the session is put in front on the way in and out.
inline std::string snapshot_suffix(std::uint64_t request_id, std::uint16_t attempt) {
  return fmt::format("{:016x}.{}", request_id, attempt);
}

/// Whether a client may name this snapshot suffix: hex digits and dots only, bounded.
inline bool is_snapshot_suffix(std::string_view suffix) {
  return !suffix.empty() && suffix.size() <= 64 &&
         suffix.find_first_not_of("0123456789abcdef.") == std::string_view::npos &&
         suffix[0] != '.';
}

}  // namespace sluice::storage
