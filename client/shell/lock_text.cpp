// See lock_text.hpp.
#include "client/shell/lock_text.hpp"

#include "client/shell/json.hpp"

namespace sluice::shell {

std::string mode_word(const Claim& claim) {
  return claim.shared ? "shared" : "exclusive";
}

std::string scope_word(const Claim& claim) {
  return claim.tree ? "tree" : "path";
}

std::string lock_json(const LockEntry& entry, bool own) {
  std::vector<std::string> claims;
  for (const Claim& claim : entry.claims)
    claims.push_back(JsonObject()
                         .add("path", claim.path)
                         .add("mode", mode_word(claim))
                         .add("scope", scope_word(claim))
                         .text());
  return JsonObject()
      .add("state", entry.number == 0 ? "waiting" : "held")
      .add("number", entry.number)
      .add("order", entry.order)
      .add("holder", entry.holder)
      .add("age_ms", entry.age.count())
      .add("left_ms", entry.left.count())
      .add("own", own)
      .add_raw("claims", json_array(claims))
      .text();
}

}  // namespace sluice::shell
