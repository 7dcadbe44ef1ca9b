// A writer for the JSON that --json prints: objects on one line. Bytes that are no UTF-8 become
// U+FFFD, as JSON has no way to carry them. Any thread.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::shell {

/// The text in quotes, escaped.
std::string json_string(std::string_view text);
/// Values that are JSON already, in brackets.
std::string json_array(const std::vector<std::string>& values);

/// {"key": value, ...} in the order of the calls.
class JsonObject {
 public:
  JsonObject& add(std::string_view key, std::string_view value) {
    return add_raw(key, json_string(value));
  }
  JsonObject& add(std::string_view key, const char* value) {
    return add(key, std::string_view(value));
  }
  JsonObject& add(std::string_view key, bool value) {
    return add_raw(key, value ? "true" : "false");
  }
  template <std::integral Number>
  JsonObject& add(std::string_view key, Number value) {
    return add_raw(key, std::to_string(value));
  }
  /// A value that is JSON already.
  JsonObject& add_raw(std::string_view key, std::string_view json);

  /// The object; no newline.
  std::string text() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

}  // namespace sluice::shell
