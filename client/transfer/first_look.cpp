// Whether a large upload is worth sending: see first_look.hpp.
#include "client/transfer/first_look.hpp"

#include <algorithm>

#include "protocol/path.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::fail;
using protocol::Result;

namespace {

bool is_in_the_way(const protocol::LockEntry& entry, const std::string& path) {
  // Waiters and changes that are under way have no number.
  return entry.number != 0 &&
         std::any_of(entry.claims.begin(), entry.claims.end(), [&](const auto& claim) {
           return claim.path == path || (claim.tree && protocol::is_within(path, claim.path));
         });
}

Result<void> look_at_locks(Pipeline& pipeline, const std::string& path) {
  protocol::ListLocks body{path, 0};
  do {
    const auto page = pipeline.ask<protocol::ListLocksReply>(body);
    if (!page && ends_upload(page.error())) return tl::make_unexpected(page.error());
    if (!page) return {};
    for (const auto& entry : page->locks)
      if (is_in_the_way(entry, path))
        return fail(Code::locked, path,
                    protocol::held_text(entry.holder, entry.age_ms, entry.left_ms));
    body.after = page->next_after;
  } while (body.after != 0);
  return {};
}

Result<void> look_at_conditions(Pipeline& pipeline, const UploadRequest& request) {
  const auto there = pipeline.ask<protocol::StatReply>(protocol::Stat{request.path});
  if (!there && ends_upload(there.error())) return tl::make_unexpected(there.error());
  if (!there) return {};
  if (request.terms.if_absent) return fail(Code::exists, request.path);
  const std::uint64_t version = there->attributes.version;
  if (request.terms.if_version != version)
    return fail(Code::condition_failed, request.path, "is at version " + std::to_string(version));
  return {};
}

}  // namespace

bool ends_upload(const protocol::Error& error) {
  return error.code == Code::cancelled || error.code == Code::timed_out ||
         error.code == Code::unreachable;
}

Result<void> look_first(Pipeline& pipeline, const UploadRequest& request) {
  if (request.terms.wait_ms > 0) return {};
  if (request.terms.token.empty())
    if (auto ok = look_at_locks(pipeline, request.path); !ok) return ok;
  if (!request.terms.if_absent && !request.terms.if_version) return {};
  return look_at_conditions(pipeline, request);
}

}  // namespace sluice::client
