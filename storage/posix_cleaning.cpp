// PosixStorage: what sessions that have ended leave behind, and the trash. Workers.
#include <algorithm>
#include <charconv>

#include "storage/directory.hpp"
#include "storage/failure.hpp"
#include "storage/posix_storage.hpp"
#include "storage/trash.hpp"

namespace sluice::storage {
namespace {

// The session that a name in staging or snapshots begins with; nothing if it begins otherwise.
std::optional<std::uint64_t> session_of(std::string_view name) {
  constexpr std::size_t digits = 16;
  if (name.size() <= digits || name[digits] != '-') return std::nullopt;
  std::uint64_t session = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + digits, session, 16);
  if (problem != std::errc{} || end != name.data() + digits) return std::nullopt;
  return session;
}

}  // namespace

Result<void> PosixStorage::sweep(const std::vector<std::uint64_t>& sessions, bool all_but) {
  // A name of no session belongs to nobody and goes with "all but these".
  auto is_left_over = [&](std::string_view name) {
    const auto session = session_of(name);
    const bool named =
        session && std::find(sessions.begin(), sessions.end(), *session) != sessions.end();
    return named != all_but;
  };
  for (const Descriptor* directory : {&root_->staging, &root_->snapshots}) {
    const auto names = names_in(directory->get());
    if (!names) return failure({}, "listing what sessions left");
    for (const std::string& name : *names)
      if (is_left_over(name) && !unlink_with_leaves(*root_, directory->get(), name))
        return failure({}, "removing what a session left");
  }
  return {};
}

Result<bool> PosixStorage::empty_trash() {
  return unlink_some_trash(*root_);
}

}  // namespace sluice::storage
