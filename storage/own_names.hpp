// Names inside the server's own directory. They come from workers, which may be other processes, so
// each is checked before it is used. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "protocol/errors.hpp"
#include "protocol/limits.hpp"
#include "storage/root.hpp"

namespace sluice::storage {

inline constexpr std::string_view leaves_ending = ".leaves";

/// The leaves beside an upload in staging/ or claimed/.
inline std::string leaves_name(const std::string& name) {
  return name + std::string(leaves_ending);
}

/// Where in claimed/ a small file is written anew before it is moved into place.
inline std::string anew_name(std::uint64_t number) {
  return hex_name(number) + ".new";
}

/// Fails with `bad_message` unless the name is one plain name with room for an ending.
inline protocol::Result<void> check_own_name(std::string_view name) {
  constexpr std::size_t ending = 32;
  if (!name.empty() && name.front() != '.' &&
      name.size() + ending <= protocol::limits::name_bytes &&
      name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos)
    return {};
  return protocol::fail(protocol::Code::bad_message, {}, "not a name in the server's directory");
}

}  // namespace sluice::storage
