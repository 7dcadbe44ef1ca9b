// The one table of errors: every way an operation can fail, its wire number, its exit status and
// what the user can do about it. Numbers are part of protocol v1 and are never reused. Thread
// safety: all functions are pure. Read on: docs/protocol.md, "Errors".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace sluice::protocol {

/// Why an operation failed. The value is what travels on the wire (field `code` of `ErrorReply`).
enum class Code : std::uint16_t {
  // the conversation
  bad_message = 1,
  unknown_type = 2,
  version_mismatch = 3,
  hello_required = 4,
  window_exceeded = 5,
  too_large = 6,
  overloaded = 7,
  shutting_down = 8,
  cancelled = 9,
  bad_session = 10,
  // paths and the tree
  bad_path = 20,
  not_found = 21,
  exists = 22,
  is_directory = 23,
  not_directory = 24,
  not_empty = 25,
  condition_failed = 26,
  denied = 27,
  not_regular = 28,
  // locks
  locked = 40,
  wait_timeout = 41,
  fenced = 42,
  not_covered = 43,
  lease_expired = 44,
  too_many_locks = 45,
  deadlock = 46,
  // transfers
  unknown_upload = 60,
  upload_incomplete = 61,
  upload_conflict = 62,
  digest_mismatch = 63,
  snapshot_gone = 64,
  damaged = 65,
  // the disk
  no_space = 80,
  io_error = 81,
  log_failed = 82,
  root_unusable = 83,
  root_served = 84,
  // workers joining a broker
  wrong_root = 100,
  // known to one program only; never on the wire
  unreachable = 120,
  timed_out = 121,
  local_io = 122,
  interrupted = 123,
  usage = 124,
  cannot_listen = 125,
  cannot_run = 126,
  no_command = 127,
  bad_config = 128,
  locks_damaged = 129,
  source_changed = 130,
};

/// One failure: what, to which path, and what the system said. `path` and `detail` may be empty.
struct Error {
  Code code{};
  std::string path;
  std::string detail;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Code code, std::string_view path = {},
                                  std::string_view detail = {}) {
  return tl::make_unexpected(Error{code, std::string(path), std::string(detail)});
}

/// It says nothing of the request itself, which is asked again under the same id.
bool is_for_now(Code code);

/// The name used in documents and `--json`: "not_found". Unknown numbers give "unknown_error".
std::string_view name(Code code);

/// The exit status of the command line client for this failure (docs/protocol.md, "Errors").
int exit_status(Code code);

/// "<path>: <what happened> (<detail>); <what to do>", one line, no trailing newline.
std::string sentence(const Error& error);

/// Whether the number is one of the table (a newer peer may send others; treat them as `io_error`).
bool is_known(std::uint16_t number);

}  // namespace sluice::protocol
