// What goes into and comes out of a sluice::Client: plain data and callbacks. Times are in
// milliseconds where a duration is meant, in nanoseconds since 1970-01-01 UTC where a file's time
// is meant. Read on: sluice/client.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/error.hpp"

namespace sluice {

/// How to reach the server, and how long to try.
struct Options {
  /// "tcp://HOST:PORT" or "ipc://PATH".
  std::string endpoint = "tcp://127.0.0.1:5970";
  /// Shown to others in lists of locks; empty: "user@host:pid". At most 128 bytes.
  std::string name = {};
  /// How long the session and its locks outlive this process falling silent; 0: the server's
  /// default. The server may bound it.
  std::chrono::milliseconds lease{0};
  /// How long calls wait for a server that was never reached before they fail with `unreachable`.
  std::chrono::milliseconds connect_timeout{5'000};
  /// How long a server that went away is waited for before calls fail with `unreachable`. Until
  /// then the client connects again and again, resumes its session, and repeats what was
  /// unanswered; the server does each change once, however often it was asked. A server that
  /// refuses for now
  /// (`overloaded`, `shutting_down`) is asked again for as long. Later calls try anew.
  std::chrono::milliseconds reconnect_limit{30'000};
  /// Bounds every single request, and each part of a long transfer, beyond the wait it asks for
  /// itself; what runs out is withdrawn and fails with `timed_out`. Of a change that timed out
  /// nobody knows whether it was made. None: no bound but those above.
  std::optional<std::chrono::milliseconds> request_timeout = {};
  /// Told in a few words why the server, though it is there, does nothing for calls that have
  /// waited for a second and more ("no worker serves this root just now"): once, and again after a
  /// call has got its answer. On a thread of the client's own, so it returns soon, throws nothing
  /// and calls nothing of the client.
  std::function<void(const std::string& words)> waiting = {};
};

/// Bytes moved so far and in all, on the thread that does the call: the caller's own, or one of the
/// client's own for a future. What it throws ends the call and comes out of it.
using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

/// Something worth knowing that is no failure, about a path there or here: "the version before is
/// gone; started anew". On the thread that does the call; what it throws ends the call and comes
/// out of it.
using Notice = std::function<void(const std::string& path, const std::string& words)>;

/// How one call runs.
struct Call {
  /// Once asked to stop (by any thread), the call withdraws what it has begun on the server and
  /// ends with `cancelled`; a change that was made already is reported as made. Of put_file and
  /// get_file something stays if much is done (256 MiB): they go on from there when they are called
  /// again.
  std::stop_token stop = {};
  /// Heard by the transfers of files only. What need not be moved again counts as done.
  Progress progress = {};
  /// Heard by put_file and get_file.
  Notice notice = {};
};

/// What stands at a path; `other` is a link or special file, which is not served.
enum class Kind : std::uint8_t { file = 1, directory = 2, other = 3 };

/// What is known of one file or directory.
struct Attributes {
  Kind kind = Kind::file;
  /// Of a file; 0 for a directory.
  std::uint64_t size_bytes = 0;
  /// Permission bits only (07777).
  std::uint32_t mode = 0;
  /// When it was changed last: nanoseconds since 1970-01-01 UTC.
  std::int64_t mtime_ns = 0;
  /// The number of the commit that stored the bytes; 0 for directories and for files put into the
  /// tree by hand.
  std::uint64_t version = 0;
  /// The root digest of the bytes in hex (32 digits); empty where none is stored.
  std::string digest = {};
};

/// One entry of a directory. Without details only `attributes.kind` is set.
struct Entry {
  /// The last part of its path.
  std::string name;
  Attributes attributes;
};

/// What is wanted of a directory.
struct Listing {
  /// All attributes of each entry, not only its kind.
  bool details = false;
  /// Only names that begin with it.
  std::string prefix = {};
};

/// Some bytes of a file.
struct ByteRange {
  std::uint64_t offset_bytes = 0;
  std::uint64_t length_bytes = 0;
};

/// What Client::verify has found.
struct Verification {
  /// Of the version that was looked at. Without a digest there was nothing to compare with, as with
  /// a file put into the tree by hand.
  Attributes attributes;
  /// What is wrong, in words; empty if all is as it was stored.
  std::string damage;
  /// Which bytes have changed or cannot be read, as far as that is known: whole leaves of 128 KiB,
  /// in order. Up to 1,000; the last one then holds all that follow.
  std::vector<ByteRange> ranges;
};

/// Hears of some entries at a time, on the thread that does the call; never of none. What it throws
/// ends the call and comes out of it.
using EntryPage = std::function<void(const std::vector<Entry>& entries)>;

/// When a put is answered.
enum class Durability : std::uint8_t {
  /// As the server is set: full, unless it was started with `--durability relaxed`.
  server = 0,
  /// When it is on the server's disk.
  full = 1,
  /// Without waiting for the disk, if it replaces nothing. A power loss of the server (not its end)
  /// may take the file back, whole, from those who have seen it too; never a part of it. What
  /// replaces a file is done in full.
  relaxed = 2,
};

/// What a change may carry.
struct Change {
  /// The lock under which this is done (Lock::token()); Client::under fills it in. If that lock is
  /// lost, expired, or of another path, the change fails (`fenced`, `lease_expired`,
  /// `not_covered`). Empty: the change takes the lock it needs for just its own moment.
  std::string token = {};
  /// How long to wait where somebody else's lock is in the way; 0: fail with `locked` at once.
  std::chrono::milliseconds wait{0};
  /// Only if the (target) file has this version now (0: one put there by hand), else
  /// `condition_failed`.
  std::optional<std::uint64_t> if_version = {};
  /// Only if nothing is at the (target) path now, else `exists`.
  bool if_absent = false;
  /// Permission bits and modification time of what is stored; the server's defaults (0644, 0755,
  /// now) where absent. Heard by put, make_directory and set_attributes.
  std::optional<std::uint32_t> mode = {};
  std::optional<std::int64_t> mtime_ns = {};
  /// Who waits, as in Acquire.
  std::optional<std::uint64_t> agent = {};
  /// Heard by put, of all its kinds, and copy; other changes are always on the disk when they
  /// return.
  Durability durability = Durability::server;
};

/// A local file at one end of a transfer.
struct LocalFile {
  /// As for open(2).
  std::string path;
  /// Carry permission bits and modification time over, too. In a put, what Change says goes first.
  bool keep_mode = false;
  bool keep_mtime = false;
  /// Get only: fail with `exists` where there is something at `path` already.
  bool if_absent = false;
  /// Compare with what the file is to replace, at the other end of a put, at this end of a get, and
  /// move only the chunks that differ. Worth it for large files that change in places.
  bool delta = false;
};

/// Where the bytes of a put come from: `read` fills `buffer` with the `size` bytes at
/// `offset_bytes` and returns how many it had; fewer than asked means the source has shrunk. Called
/// on the thread that does the call, from the beginning to the end; once more from the beginning if
/// the upload had to be begun anew. What it throws ends the call and comes out of it.
struct Source {
  /// No more than 16 TiB.
  std::uint64_t size_bytes = 0;
  std::function<std::size_t(std::uint64_t offset_bytes, char* buffer, std::size_t size)> read;
};

/// A source of unknown size: fills the buffer with up to `size` bytes, returns how many; 0 at the
/// end. Called on the thread that does the call; what it throws ends the call and comes out of it.
using Stream = std::function<std::size_t(char* buffer, std::size_t size)>;

/// Where the bytes of a get go: called on the thread that does the call, in the order of the file,
/// without gaps or repeats. Bytes are checked against their leaves' digests before they come here;
/// whether all of them are the file is known when the get returns. Not called for an empty file.
/// What it throws ends the call and comes out of it.
using Sink = std::function<void(std::uint64_t offset_bytes, std::string_view bytes)>;

/// One file of a Client::get_many.
struct GotFile {
  /// Why it did not come; none: it did. `too_large`: it is to be got by itself.
  std::optional<Error> error = {};
  Attributes attributes = {};
  /// All of it, checked against the digest that was stored. As long as the call lasts.
  std::string_view bytes = {};
};

/// Hears of each file once, by its place in what was asked for, on the thread that does the call.
/// What it throws ends the call and comes out of it.
using GotFiles = std::function<void(std::size_t place, const GotFile& file)>;

/// One file for a Client::put_many.
struct SmallFile {
  /// In the directory of the call.
  std::string name;
  /// Must stay until the call returns.
  std::string_view bytes;
  /// As in Change, for this file.
  std::optional<std::uint32_t> mode = {};
  std::optional<std::int64_t> mtime_ns = {};
};

/// What became of it.
struct PutFile {
  /// Its version; 0 with an error.
  std::uint64_t version = 0;
  std::optional<Error> error = {};
};

/// A local directory at one end of a transfer of many small files; as LocalFile.
struct LocalDirectory {
  std::string path;
  bool keep_mode = false;
  bool keep_mtime = false;
  bool if_absent = false;
};

/// What became of one file of a Client::get_files or put_files.
struct MovedFile {
  /// None: it is there. `too_large`: it is to be moved by itself.
  std::optional<Error> error = {};
  std::uint64_t version = 0;
  std::uint64_t size_bytes = 0;
};

/// Hears of each file once, by its place in what was asked for, on the thread that does the call.
/// What it throws ends the call and comes out of it.
using MovedFiles = std::function<void(std::size_t place, const MovedFile& file)>;

/// One path that a lock names.
struct Claim {
  /// Need not exist; "" is the root.
  std::string path;
  /// The path and all beneath it.
  bool tree = false;
  /// Together with other shared ones; otherwise exclusive.
  bool shared = false;
};

/// How a lock is taken.
struct Acquire {
  /// How long to wait for the lock, the time in which a server is restarted included; 0: fail with
  /// `locked` at once where it is not free. A wait that was in vain ends with `wait_timeout`.
  std::chrono::milliseconds wait{0};
  /// How long the lock lives without a sign of this process, 0.1 s at least; 0: the session's
  /// lease.
  std::chrono::milliseconds ttl{0};
  /// Once asked to stop, the acquire ends with `cancelled`, unless the lock is here already.
  std::stop_token stop = {};
  /// Called once when the lock is lost, as Lock::lost() tells it, with the reason (Lock::loss()),
  /// even if that is before the acquire returns; never after the Lock was released, destroyed or
  /// assigned to (those wait for a call that is under way), nor because the Client ends. On a
  /// thread of the client's own, for all its locks one after the other: it may use the Client and
  /// the Lock, but must not destroy the Client, nor throw (that ends the program).
  std::function<void(const Error& reason)> on_lost = {};
  /// Who waits. A wait that would never end is refused with `deadlock`: what the same agent of this
  /// Client holds is what it would have to wait for, over any number of others that wait. So an
  /// agent has to be something that does one thing after another. By default each thread that calls
  /// is one, and each future is one of its own. 0 stands for the whole Client. A thread that is to
  /// wait for what another one of the same agent will release needs another number.
  std::optional<std::uint64_t> agent = {};
  /// The token of a lock whose holder waits meanwhile, too, be it another process: what that one
  /// holds makes a deadlock as well. A program that was started by `sluice lock` finds it in
  /// $SLUICE_LOCK_TOKEN. May be empty, or no longer held.
  std::string under = {};
};

/// A lock that belongs to a name and not to a session: it lives for `ttl` from its grant and from
/// each renewal, whatever becomes of the process that took it, and whoever has the token may renew,
/// upgrade, downgrade and release it.
struct NamedLock {
  /// NUMBER-SECRET: goes into Change::token.
  std::string token;
  /// What others see in lists.
  std::uint64_t number = 0;
  std::chrono::milliseconds ttl{0};
};

/// How a shared lock becomes an exclusive one.
struct Upgrade {
  /// How long to wait for other holders; 0: fail with `locked` at once if there are any.
  std::chrono::milliseconds wait{0};
  /// Once asked to stop, it ends with `cancelled`, unless the lock is exclusive already.
  std::stop_token stop = {};
  /// Who waits, as in Acquire.
  std::optional<std::uint64_t> agent = {};
};

/// A holder or a waiter in the list of locks.
struct LockEntry {
  /// The token's number; 0 for a waiter.
  std::uint64_t number = 0;
  /// Place in the order of arrival.
  std::uint64_t order = 0;
  /// Its Options::name.
  std::string holder;
  std::vector<Claim> claims;
  /// Since it was granted, or since it began to wait.
  std::chrono::milliseconds age{0};
  /// Until its lease ends, or until it stops waiting.
  std::chrono::milliseconds left{0};
};

/// Hears of some locks at a time, as EntryPage does of entries.
using LockPage = std::function<void(const std::vector<LockEntry>& locks)>;

/// What a Client has sent and received.
struct Traffic {
  /// Of its messages, header, body and payload; what was said again after a lost connection counts
  /// again. Without what ZeroMQ, TCP and IP put around them.
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
};

/// What a server says of itself.
struct ServerStatus {
  /// Its name and version: "sluiced 0.1.0".
  std::string server;
  /// The one that was agreed on.
  std::uint32_t protocol_version = 0;
  /// Grows with every start of the server.
  std::uint64_t epoch = 0;
  /// Requests of all sessions that are not answered yet.
  std::uint64_t jobs_under_way = 0;
  /// Worker threads that have joined, here and in other processes.
  std::uint32_t workers = 0;
  /// From asking to answer, without connecting.
  std::chrono::microseconds round_trip{0};
};

}  // namespace sluice
