// Every message of the protocol in one list, for tests that must not forget one. golden_test.cpp
// checks it against protocol/types.hpp in both directions. The list itself is in every_message.cpp.
// Made once and not changed; used by the golden and the fuzz tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/errors.hpp"
#include "protocol/types.hpp"
#include "tests/golden/visitors.hpp"

namespace sluice::golden {

/// One message type, its struct behind functions, so that tests need not be templates.
struct MessageKind {
  protocol::Type type{};
  std::string name;
  Describer keys;
  /// The body with every field set, and the body of the struct as it is made.
  std::string full;
  std::string least;
  /// Decodes the body into the struct and encodes that again.
  protocol::Result<std::string> (*recode)(std::string_view body) = nullptr;
};

const std::vector<MessageKind>& every_message();

}  // namespace sluice::golden
