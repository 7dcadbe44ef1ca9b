// The rules for paths that clients may name: relative, UTF-8, bounded, without '.', '..', NUL or
// empty parts, and never below the server's own directory. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/errors.hpp"

namespace sluice::protocol {

/// The name in the root that belongs to the server; no client path may start with it.
inline constexpr std::string_view own_directory = ".sluice";

/// Accepts "" (the root) and canonical relative paths; fails with `bad_path` and the rule that was
/// broken.
Result<void> check_path(std::string_view path);

/// As `check_path`, but the root itself is refused too.
Result<void> check_entry_path(std::string_view path);

/// Whether this is UTF-8 without control characters, so that it can be shown anywhere.
bool is_plain_text(std::string_view text);

/// "a/b/c" -> "a/b"; "a" -> "".
std::string_view parent_of(std::string_view path);
/// "a/b/c" -> "c".
std::string_view name_of(std::string_view path);
/// Whether `path` is `directory` or lies beneath it; the root ("") contains everything.
bool is_within(std::string_view path, std::string_view directory);
/// "a" + "b" -> "a/b"; "" + "b" -> "b".
std::string join(std::string_view directory, std::string_view name);

}  // namespace sluice::protocol
