// The client library of Sluice: files and locks of one server, as blocking calls.
//
//     sluice::Client client({.endpoint = "tcp://files.example:5970"});
//     sluice::Lock lock = client.acquire({{.path = "results/today"}}, {.wait = 10s});
//     client.under(lock).put_bytes("results/today", "42\n");
//
// A Client has one thread of its own for its session; its methods may be called from any number of
// threads at once. Callbacks run on the thread that made the call, and what they throw comes out of
// it. All failures are a sluice::Error; besides those named below any call may throw `bad_path` (no
// server accepts it), `unreachable`, `timed_out` (Options) and `cancelled` (Call::stop). Every call
// here blocks until it is done; `async()` gives the same operations as futures. No operation uses a
// token unless it is given one, by Change::token or by `under`. Read on: docs/library.md.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/async.hpp"
#include "sluice/error.hpp"
#include "sluice/lock.hpp"
#include "sluice/types.hpp"
#include "sluice/watcher.hpp"

namespace sluice {

/// The version of this library: "0.1.0".
SLUICE_API std::string version();

/// Throws `usage` for an endpoint that no Client could be made for. Connects to nothing.
SLUICE_API void check_endpoint(const std::string& endpoint);

/// The digest that a local file has once it is stored: that of Attributes::digest. Reads it to its
/// end. Throws `local_io`, `cancelled`.
SLUICE_API std::string digest_of_file(const std::string& path, const Call& call = {});

/// A session with one server; or a view of one, under a lock.
class SLUICE_API Client {
 public:
  /// Starts connecting but does not wait for it: a server that is not there is told by the first
  /// call (`unreachable`). Throws `usage` for an endpoint that is malformed.
  explicit Client(Options options = {});
  /// Ends the session: its locks are released, unfinished uploads dropped (but what a later
  /// put_file can go on with), futures that are not ready end with `cancelled`. Waits for callbacks
  /// that are under way, and up to a second for the server. Blocking calls in other threads must
  /// have returned. The end of a view ends nothing.
  ~Client();
  /// What was moved from may only be destroyed or assigned to. Assigning ends what was there, as
  /// the destructor does. No other call may be under way.
  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;

  /// A view of this Client that puts the lock's token into every change that names none. A lock
  /// that is lost changes nothing about that: those changes then fail with `fenced`. The view
  /// shares the session and its threads, costs nothing, and may outlive lock and Client; when the
  /// Client is gone all it is asked for ends with `cancelled`. Throws `fenced` for a Lock that
  /// holds nothing (default-made, moved from, or released). Does not block.
  Client under(const Lock& lock) const;
  /// The same operations as futures, under the same lock if this is a view. Does not block.
  AsyncClient async() const noexcept;

  /// What went over the wire since the Client was made, all its views together. Does not block.
  Traffic traffic() const noexcept;

  /// What the server says of itself, and how long it took to say it.
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
  /// The same into memory; mind the size.
  std::string get_bytes(const std::string& path, const Call& call = {});
  /// The same into a local file, which appears under its name when it is whole, replacing what was
  /// there. Goes on where an earlier try of the same version was cut short: a large file then lies
  /// beside the path as ".NAME.sluice-part.HEX". Throws `local_io`, and `exists`, `is_directory`
  /// and `not_directory` about the local path too.
  Attributes get_file(const std::string& path, const LocalFile& local, const Call& call = {});
  /// The same into a stream. Throws `local_io` if it takes no more. What was written before a
  /// failure stays written.
  Attributes get_stream(const std::string& path, std::ostream& stream, const Call& call = {});

  /// Has the server read a file again from its disk and compare it with what was stored; only the
  /// result is sent. Damage is a result, not a failure; a file that is replaced meanwhile is looked
  /// at anew. Throws `not_found`, `is_directory`, `not_regular`.
  Verification verify(const std::string& path, const Call& call = {});

  /// Small files of one directory, hundreds in one message each way. What is wrong with one of them
  /// is told to `file` and not thrown; what is larger than some 100 KB is `too_large` here.
  void get_many(const std::string& directory, const std::vector<std::string>& names,
                const GotFiles& file, const Call& call = {});

  /// The same into files of those names in a local directory; each appears when it is whole.
  void get_files(const std::string& directory, const std::vector<std::string>& names,
                 const LocalDirectory& local, const MovedFiles& file, const Call& call = {});

  // --- changing; every change gives the number of its commit ---
  // Throw `locked` or `wait_timeout` where somebody else's lock is in the way; `fenced`,
  // `not_covered`, `lease_expired` about the token; `condition_failed`, `exists` about conditions;
  // `no_space`, `denied`, `io_error`.

  /// Stores a file, whole or not at all; the result is its version. Throws `not_found` (no such
  /// directory), `is_directory`, `local_io` (the source ended too early).
  std::uint64_t put(const std::string& path, const Source& source, const Change& change = {},
                    const Call& call = {});
  /// The same from memory.
  std::uint64_t put_bytes(const std::string& path, std::string_view bytes,
                          const Change& change = {}, const Call& call = {});
  /// The same from a local file or pipe; devices but /dev/null, and sockets, are
  /// `not_regular`. A large file goes on where an earlier try of this user's on this machine was
  /// cut short, in this process or another, within an hour. Throws `source_changed` if the file is
  /// changed while it is read.
  std::uint64_t put_file(const std::string& path, const LocalFile& local, const Change& change = {},
                         const Call& call = {});
  /// The same from what has no size beforehand. Reads the stream to its end first (into an unnamed
  /// temporary file if it is long). The total in the progress is known from then on; before, it is
  /// 0.
  std::uint64_t put_stream(const std::string& path, const Stream& stream, const Change& change = {},
                           const Call& call = {});
  /// The same from a stream of the standard library, from where it stands to its end. Throws
  /// `local_io` if it cannot be read.
  std::uint64_t put_stream(const std::string& path, std::istream& stream, const Change& change = {},
                           const Call& call = {});
  /// Small files into one directory, hundreds in one message each way; each is a change of its own,
  /// with an outcome of its own, as many as `files` and in their order. Change::durability is that
  /// of each. Change::wait, if_version,
  /// mode and mtime_ns are not heard: a file behind somebody else's lock is `locked`, one that is
  /// larger than some 100 KB `too_large`. What is thrown is about all that were not stored yet.
  std::vector<PutFile> put_many(const std::string& directory, const std::vector<SmallFile>& files,
                                const Change& change = {}, const Call& call = {});
  /// The same from files of those names in a local directory.
  void put_files(const std::string& directory, const std::vector<std::string>& names,
                 const LocalDirectory& local, const MovedFiles& file, const Change& change = {},
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

  /// All of the set or nothing: up to 64 paths. Blocks for up to Acquire::wait. Throws `locked`
  /// (names the holder), `wait_timeout`, `deadlock`, `too_many_locks`, `too_large`.
  Lock acquire(const std::vector<Claim>& claims, const Acquire& how = {});
  /// The same for a name (up to 128 bytes), which others see as the holder: the lock outlives this
  /// process, and is durable when this returns. Acquire::ttl must be given, on_lost is not heard.
  /// Throws `usage` for a name or a time that cannot be.
  NamedLock acquire_named(const std::string& owner, const std::vector<Claim>& claims,
                          const Acquire& how);
  // By token, of named owners and all others, whoever acquired them. Throw `fenced` or
  // `lease_expired` if the lock is not held; a path then is "lock NUMBER".
  /// Starts its time to live anew, and tells how long that is.
  std::chrono::milliseconds renew(const std::string& token, const Call& call = {});
  /// As Lock::upgrade and Lock::downgrade.
  void upgrade(const std::string& token, const Upgrade& how = {});
  void downgrade(const std::string& token, const Call& call = {});
  /// Gives it back.
  void release(const std::string& token, const Call& call = {});
  /// Takes a lock away from whoever holds it, by its number in the list: for administrators. What
  /// the holder does under it from then on fails with `fenced`. Throws `fenced` if it is not held.
  void break_lock(std::uint64_t number, const Call& call = {});
  /// Holders and waiters at, above (tree locks) and beneath a path; "" is all. Calls `page` for
  /// some at a time.
  void locks(const std::string& path, const LockPage& page, const Call& call = {});

  // --- watching ---

  /// Follows what happens to a path and the names in it; "" is the root. Without Watching::after it
  /// asks where "now" is and blocks for the answer: what happens after this call has returned is
  /// seen. Throws `bad_path`.
  Watcher watch(const std::string& path, const Watching& watching = {}, const Call& call = {});

 private:
  explicit Client(std::shared_ptr<const client::Operations> operations) noexcept;
  std::shared_ptr<const client::Operations> operations_;
  bool owns_session_ = true;
};

}  // namespace sluice
