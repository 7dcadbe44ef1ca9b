// See lock_operand.hpp.
#include "client/shell/lock_operand.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "client/shell/interactive/paths.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::size_t secret_digits = 16;

// As servers write it: without zeros before it, and no larger than they count.
bool is_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc{} && end == text.data() + text.size() && !text.starts_with('0');
}

bool consists_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

}  // namespace

bool is_token(std::string_view text) {
  const auto dash = text.find('-');
  return dash != std::string_view::npos && is_number(text.substr(0, dash)) &&
         text.size() - dash - 1 == secret_digits && consists_of(text.substr(dash + 1), hex_digits);
}

bool mentions_token(std::string_view line) {
  for (auto dash = line.find('-'); dash != std::string_view::npos; dash = line.find('-', dash + 1))
    if (dash > 0 && digits.find(line[dash - 1]) != std::string_view::npos &&
        line.size() - dash - 1 >= secret_digits &&
        consists_of(line.substr(dash + 1, secret_digits), hex_digits))
      return true;
  return false;
}

std::uint64_t number_of(const std::string& token) {
  std::uint64_t number = 0;
  if (is_token(token)) std::from_chars(token.data(), token.data() + token.find('-'), number);
  return number;
}

OwnLock* own_lock(Invocation& run, const std::string& typed) {
  const std::string path = remote_path(resolved(run.seat().directory(), typed));
  const std::vector<OwnLock*> meant = run.seat().locks().find(path, typed);
  if (meant.size() > 1)
    throw Error("usage", typed, "this shell holds several locks of it; name one by its number");
  return meant.empty() ? nullptr : meant.front();
}

std::string token_of(Invocation& run, const std::string& command, const std::string& typed) {
  if (typed.empty()) {
    const char* token = std::getenv("SLUICE_LOCK_TOKEN");
    if (token != nullptr && *token != '\0') {
      if (is_token(token)) return token;
      throw Error("usage", command, "$SLUICE_LOCK_TOKEN is not a token, a number and 16 digits");
    }
    throw Error("usage", command, "say which lock, by its token");
  }
  if (const OwnLock* own = own_lock(run, typed)) return own->lock.token();
  if (is_token(typed)) return typed;
  if (run.seat().is_shell())
    throw Error("not_found", typed, "this shell holds no such lock; 'locks' shows all");
  throw Error("usage", typed, "a lock is named by its token here, a number and 16 digits");
}

}  // namespace sluice::shell
