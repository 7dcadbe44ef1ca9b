// Takes a body apart into its keys and the bytes of their values, and puts it together again with
// other ones: how the hostile variants of the golden bytes are made. Pure functions; tests only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::golden {

/// A key and the msgpack bytes of its value.
using Part = std::pair<std::string, std::string>;

/// The body must be a valid map with string keys.
std::vector<Part> take_apart(std::string_view body);
std::string put_together(const std::vector<Part>& parts);
/// The msgpack form of a string.
std::string packed(std::string_view text);

}  // namespace sluice::golden
