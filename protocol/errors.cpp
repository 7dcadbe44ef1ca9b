// The rows of the error table. A new error is one number in errors.hpp and one row here.
#include "protocol/errors.hpp"

#include <array>

namespace sluice::protocol {
namespace {

struct Row {
  Code code;
  std::string_view name;
  int exit_status;
  std::string_view what;
  std::string_view advice;
};

constexpr std::array table{
    Row{Code::bad_message, "bad_message", 1, "the message could not be understood",
        "check that client and server are of compatible versions"},
    Row{Code::unknown_type, "unknown_type", 1, "the server does not know this operation",
        "upgrade the server or use an older client"},
    Row{Code::version_mismatch, "version_mismatch", 8,
        "client and server have no protocol version in common",
        "install versions of both that belong together"},
    Row{Code::hello_required, "hello_required", 8, "the server does not know this connection",
        "connect again, with a hello first"},
    Row{Code::window_exceeded, "window_exceeded", 8,
        "more was sent at once than the server granted", "wait for answers before sending more"},
    Row{Code::too_large, "too_large", 2, "larger than a server takes",
        "make it smaller, or split it"},
    Row{Code::overloaded, "overloaded", 8, "the server has no room for this now",
        "try again later"},
    Row{Code::shutting_down, "shutting_down", 8, "the server is shutting down",
        "try again when it is back"},
    Row{Code::cancelled, "cancelled", 130, "stopped before it was done",
        "what is done is kept, the rest can be done again"},
    Row{Code::bad_session, "bad_session", 8, "the session is not valid here", "connect again"},
    Row{Code::bad_path, "bad_path", 2, "not a path that can be used here",
        "choose another; paths are relative, in UTF-8, without '.', '..' or empty parts"},
    Row{Code::not_found, "not_found", 3, "no such file or directory", "check the name"},
    Row{Code::exists, "exists", 4, "exists already", "choose another name or remove it first"},
    Row{Code::is_directory, "is_directory", 4, "is a directory",
        "name a file, or use -r with commands that have it"},
    Row{Code::not_directory, "not_directory", 4, "is not a directory", "name a directory"},
    Row{Code::not_empty, "not_empty", 4, "the directory is not empty",
        "use -r to remove what is in it"},
    Row{Code::condition_failed, "condition_failed", 4, "the file is not at the version asked for",
        "read it again and decide anew"},
    Row{Code::denied, "denied", 7, "permission denied",
        "check the owner and mode under the server's root"},
    Row{Code::not_regular, "not_regular", 4, "is not a regular file or directory",
        "links and special files are not served"},
    Row{Code::locked, "locked", 5, "is locked",
        "wait with --wait, or see who holds it with 'locks'"},
    Row{Code::wait_timeout, "wait_timeout", 5, "still locked when the waiting time was over",
        "wait longer, or see who holds it with 'locks'"},
    Row{Code::fenced, "fenced", 6, "the lock this was done under is not held any more",
        "take the lock again and check what was done meanwhile"},
    Row{Code::not_covered, "not_covered", 6, "the lock given does not cover this path",
        "take an exclusive lock on it, or leave out --token and $SLUICE_LOCK_TOKEN"},
    Row{Code::lease_expired, "lease_expired", 6, "the lease of the lock ran out",
        "take the lock again and check what was done meanwhile"},
    Row{Code::too_many_locks, "too_many_locks", 1, "too many locks or waiters",
        "release some first"},
    Row{Code::deadlock, "deadlock", 5, "waiting for this would never end",
        "release what you hold and try again, or always lock in the same order"},
    Row{Code::unknown_upload, "unknown_upload", 1, "the server does not know this upload any more",
        "put the file again"},
    Row{Code::upload_incomplete, "upload_incomplete", 1, "parts of the upload are missing",
        "send them and commit again, or put the file again"},
    Row{Code::upload_conflict, "upload_conflict", 1, "other bytes have been uploaded there before",
        "put the file again, as a new upload"},
    Row{Code::digest_mismatch, "digest_mismatch", 9,
        "the bytes that arrived are not those that were sent",
        "send them again; if it repeats, suspect the network or memory"},
    Row{Code::snapshot_gone, "snapshot_gone", 1, "the version being read is gone", "read it again"},
    Row{Code::damaged, "damaged", 9, "the stored bytes are not those that were stored",
        "put the file again from a good copy"},
    Row{Code::no_space, "no_space", 1, "no space left on the server",
        "remove something, or make room on the server's disk"},
    Row{Code::io_error, "io_error", 1, "the server's disk reported an error",
        "see the server's log"},
    Row{Code::log_failed, "log_failed", 1, "the server can no longer make changes durable",
        "check the server's disk and restart it"},
    Row{Code::root_unusable, "root_unusable", 1, "cannot be served as a root",
        "use a writable directory on a filesystem with user attributes (ext4, XFS, Btrfs)"},
    Row{Code::root_served, "root_served", 1, "is served already by another sluiced",
        "stop that server or choose another root"},
    Row{Code::wrong_root, "wrong_root", 1, "this worker serves another root than the broker",
        "start the worker with the broker's root"},
    Row{Code::unreachable, "unreachable", 8, "the server does not answer",
        "check that sluiced runs and that the endpoint is right (--server, $SLUICE_SERVER)"},
    Row{Code::timed_out, "timed_out", 8, "no answer in time", "try again"},
    Row{Code::local_io, "local_io", 1, "could not be read or written on this machine",
        "check the path, its permissions and the space left here"},
    Row{Code::source_changed, "source_changed", 1, "was changed while it was read, on this machine",
        "put it again when nobody writes to it, or a copy of it"},
    Row{Code::interrupted, "interrupted", 130, "interrupted before it was done",
        "what is done is kept, the rest can be done again"},
    Row{Code::usage, "usage", 2, "not a valid call", "see --help"},
    Row{Code::cannot_listen, "cannot_listen", 1, "cannot listen here",
        "choose an address of this machine that is free"},
    Row{Code::cannot_run, "cannot_run", 126, "the command cannot be run",
        "check that it is a program or a script with '#!', and executable"},
    Row{Code::no_command, "no_command", 127, "there is no such command",
        "check its name and $PATH; a script's interpreter has to be there too"},
    Row{Code::bad_config, "bad_config", 2, "the configuration cannot be used",
        "correct it (see man sluice.conf), or give --server an endpoint"},
    Row{Code::locks_damaged, "locks_damaged", 1,
        "the lock journal is damaged, so locks that are held may not be known",
        "bring its files back, or start once with --forget-locks to go on with those that can be "
        "read"},
};

const Row* find(Code code) {
  for (const Row& row : table)
    if (row.code == code) return &row;
  return nullptr;
}

}  // namespace

bool is_for_now(Code code) {
  return code == Code::overloaded || code == Code::window_exceeded || code == Code::shutting_down;
}

std::string_view name(Code code) {
  const Row* row = find(code);
  return row ? row->name : "unknown_error";
}

int exit_status(Code code) {
  const Row* row = find(code);
  return row ? row->exit_status : 1;
}

std::string sentence(const Error& error) {
  const Row* row = find(error.code);
  std::string text;
  if (!error.path.empty()) text += error.path + ": ";
  text += row ? row->what : "an error this version does not know";
  if (!error.detail.empty()) text += " (" + error.detail + ")";
  if (row) text += "; " + std::string(row->advice);
  return text;
}

bool is_known(std::uint16_t number) {
  return find(static_cast<Code>(number)) != nullptr;
}

}  // namespace sluice::protocol
