// The client library of Sluice: files and locks of one server, as blocking calls.
//
//     sluice::Client client({.endpoint = "tcp://files.example:5970"});
//     sluice::Lock lock = client.acquire({{.path = "results/today"}}, {.wait = 10s});
//     client.put_bytes("results/today", "42\n", {.token = lock.token()});
//
// A Client has one thread of its own for its session; its methods may be called from any number of
// threads at once. Callbacks run on the thread that made the call, and what they throw comes out of
// it. All failures are a sluice::Error. No operation uses a token unless it is given one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/error.hpp"
#include "sluice/types.hpp"

namespace sluice {

/// The version of this library: "0.1.0".
SLUICE_API std::string version();

/// A lock that is held. Kept alive by its Client's session until it is released or lost. It may
/// outlive the Client, but is lost then.
class SLUICE_API Lock {
 public:
  Lock() noexcept;
  Lock(Lock&&) noexcept;
  Lock& operator=(Lock&&) noexcept;
  /// Releases, quietly.
  ~Lock();

  /// NUMBER-SECRET: goes into Change::token, or into $SLUICE_LOCK_TOKEN of a child. Empty for a
  /// default-made Lock.
  const std::string& token() const noexcept;
  /// Grows with every grant of the server; what others see in lists.
  std::uint64_t number() const noexcept;
  /// How long it lives without a sign of this process.
  std::chrono::milliseconds ttl() const noexcept;
  /// Whether this side can no longer be sure to hold it: the server has said so, has forgotten the
  /// session, or was out of reach for longer than the time to live. Asks nobody; once true it stays
  /// so. Any thread.
  bool lost() const noexcept;
  /// Asks the server, and starts the time to live anew. Throws `fenced` if it is lost.
  void renew();
  /// Gives it back; throws `fenced` if it was lost before. The second call does nothing.
  void release();

 private:
  friend class Client;
  struct Impl;
  explicit Lock(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

class SLUICE_API Client {
 public:
  /// Starts connecting but does not wait for it: a server that is not there is told by the first
  /// call (`unreachable`). Throws `unreachable` for an endpoint that is malformed.
  explicit Client(Options options = {});
  /// Ends the session: its locks are released, unfinished uploads dropped. Calls still under way in
  /// other threads must have returned.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  ServerStatus ping(const Call& call = {});

  // --- reading; never blocked by a writer ---

  /// "" is the root. Throws `not_found`, `not_directory`, `bad_path`.
  Attributes stat(const std::string& path, const Call& call = {});
  /// Calls `page` for up to 1,000 entries at a time, in the order the disk has them; never for
  /// none. However large the directory is, each request is short and a stop is heard soon. Throws
  /// `not_found`, `not_directory`.
  void list(const std::string& path, const EntryPage& page, const Listing& listing = {},
            const Call& call = {});
  /// Reads one version of a file, whatever is done to the path meanwhile. Throws `not_found`,
  /// `is_directory`, `not_regular`, `snapshot_gone` (the server or the session was lost on the
  /// way), `damaged` (the bytes are not those that were stored).
  Attributes get(const std::string& path, const Sink& sink, const Call& call = {});
  /// The same into memory.
  std::string get_bytes(const std::string& path, const Call& call = {});
  /// The same into a local file, which appears under its name when it is whole, replacing what was
  /// there. Throws `local_io`, and `exists`, `is_directory` and `not_directory` about
  /// the local path too.
  Attributes get_file(const std::string& path, const LocalFile& local, const Call& call = {});

  // --- changing; every change gives the number of its commit ---
  // Throw `locked` or `wait_timeout` where somebody else's lock is in the way; `fenced`,
  // `not_covered`, `lease_expired` about the token; `condition_failed`, `exists` about conditions;
  // `no_space`, `denied`, `io_error`.

  /// Stores a file, whole or not at all; the result is its version. Throws `not_found` (no such
  /// directory), `is_directory`, `local_io` (the source has changed while it was read).
  std::uint64_t put(const std::string& path, const Source& source, const Change& change = {},
                    const Call& call = {});
  std::uint64_t put_bytes(const std::string& path, std::string_view bytes,
                          const Change& change = {}, const Call& call = {});
  std::uint64_t put_file(const std::string& path, const LocalFile& local, const Change& change = {},
                         const Call& call = {});
  /// Reads the stream to its end first (into an unnamed temporary file if it is long). The total in
  /// the progress is known from then on; before, it is 0.
  std::uint64_t put_stream(const std::string& path, const Stream& stream, const Change& change = {},
                           const Call& call = {});
  /// A file or an empty directory; with `recursive` a directory and all beneath it, at once. Throws
  /// `not_found`, `not_empty`.
  std::uint64_t remove(const std::string& path, bool recursive = false, const Change& change = {},
                       const Call& call = {});
  /// Replaces an existing file at `to_path`, never a directory. Conditions are about `to_path`.
  std::uint64_t rename(const std::string& path, const std::string& to_path,
                       const Change& change = {}, const Call& call = {});
  /// Copies one file on the server; the result is the copy's version. Conditions are about
  /// `to_path`.
  std::uint64_t copy(const std::string& path, const std::string& to_path, const Change& change = {},
                     const Call& call = {});
  /// With `parents` missing directories above it too, and an existing directory is no error. Throws
  /// `exists`, `not_found` (the parent).
  std::uint64_t make_directory(const std::string& path, bool parents = false,
                               const Change& change = {}, const Call& call = {});
  /// Sets Change::mode and Change::mtime_ns, those that are given. The version stays.
  std::uint64_t set_attributes(const std::string& path, const Change& change,
                               const Call& call = {});

  // --- locks ---

  /// All of the set or nothing. Throws `locked` (names the holder), `wait_timeout`, `cancelled`.
  Lock acquire(const std::vector<Claim>& claims, const Acquire& how = {});
  /// Holders and waiters at, above (tree locks) and beneath a path; "" is all. Calls `page` for
  /// some at a time.
  void locks(const std::string& path, const LockPage& page, const Call& call = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
