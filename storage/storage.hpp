// The disk as the actors see it: nouns of the file server, not system calls. `PosixStorage` is the
// real one, the simulator's forgets at a power loss what was not synced. Nothing outside storage/
// makes a file system call on the root.
//
// All paths are checked by protocol::check_path before they come here; names in staging and
// snapshots are made by the workers (storage/names.hpp). Every call may be made from any thread and
// any process that opened the same root; the "publishing" group only by the publisher. Every call
// may fail with `io_error`, `no_space` or `denied`; other errors are named at the call. Errors
// carry the path they are about.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/errors.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/files.hpp"
#include "protocol/payload.hpp"

namespace sluice::storage {

using protocol::Attributes;
using protocol::Digest;
using protocol::Payload;
using protocol::Preserve;
using protocol::Result;

/// What is written into a file's attributes before it is published.
struct FileStamp {
  std::uint64_t version = 0;
  std::uint64_t size_bytes = 0;
  Digest root{};
};

/// An entry of the tree as the publisher sees it. The inode number tells a renamed file from a new
/// one.
struct Entry {
  Attributes attributes;
  std::uint64_t inode = 0;
};

/// A file in staging, complete and synced.
struct Staged {
  std::uint64_t size_bytes = 0;
  Digest root{};
};

/// A file opened for reading: whole in `bytes`, or, when `snapshot_made`, under the snapshot name
/// asked for.
struct Opened {
  Attributes attributes;
  Payload bytes;
  bool snapshot_made = false;
};

struct Piece {
  Payload bytes;
  /// Digests of the leaves in `bytes`, as stored at upload, or made anew where none were stored.
  std::string leaves;
};

/// A small file that is to be published.
struct SmallPut {
  FileStamp stamp;
  Payload bytes;
  Preserve preserve;
  /// See Storage::publish_small.
  bool relaxed = false;
};

/// What has arrived of an upload, from a leaf on.
struct UploadState {
  /// Of the whole file.
  std::uint64_t size_bytes = 0;
  /// One byte a leaf: 1 arrived, 0 missing.
  std::string arrived;
  /// The digests they arrived with, 16 bytes each; zeros where one is missing.
  std::string leaves;
};

class Storage {
 public:
  virtual ~Storage() = default;

  /// Names this root among all others; the same for every process that opens it.
  virtual std::string identity() const = 0;

  // --- reading the tree (workers) ---

  /// Fails with `not_found`, `not_directory` (a part of the path is a file), `not_regular` (a link
  /// or special file).
  virtual Result<Entry> stat(const std::string& path) = 0;
  /// One page. The server's own directory is left out; links and special files are listed, as
  /// `other`. Looks at `limits::list_scan` names at most, so that a page
  /// may be empty and more follow. Fails with `not_found`, `not_directory`.
  virtual Result<protocol::ListReply> list(const protocol::List& wanted) = 0;
  /// Reads a file of up to `whole_bytes` at once; of a larger one makes a snapshot. Making the same
  /// snapshot of the same version again is no error. Fails with `not_found`, `is_directory`,
  /// `not_regular`.
  virtual Result<Opened> open(const std::string& path, std::size_t whole_bytes,
                              const std::string& snapshot) = 0;
  /// Reads a file of up to `most_bytes` whole; nothing if it is larger. Fails as `open`.
  virtual Result<std::optional<Opened>> read_small(const std::string& path,
                                                   std::size_t most_bytes) = 0;
  /// Up to `length` bytes from `offset` (a multiple of the leaf size), whole leaves, fewer only at
  /// the end of the file. Fails with `snapshot_gone`.
  virtual Result<Piece> read_snapshot(const std::string& snapshot, std::uint64_t offset,
                                      std::size_t length) = 0;
  /// The digests of up to `count` leaves from `offset` on: as stored, or, of `limits::
  /// leaves_made_anew` at most, made anew where none were stored. None behind the end. Fails with
  /// `snapshot_gone`.
  virtual Result<std::string> snapshot_leaves(const std::string& snapshot, std::uint64_t offset,
                                              std::size_t count) = 0;
  /// No error if it is gone already.
  virtual Result<void> drop_snapshot(const std::string& snapshot) = 0;
  /// Reads a piece of a file from the disk and compares it with the stored digests. The path is
  /// checked, the offset at a leaf, the length whole leaves. Fails as `open`, with `damaged` where
  /// the file's attributes or size are not what was stored, `condition_failed` (another version).
  virtual Result<protocol::VerifyReply> verify(const protocol::Verify& wanted) = 0;

  // --- staging (workers) ---

  /// Makes room for an upload, if need be, and if it is enough, that of kept ones nobody has gone
  /// on with for `limits::upload_keep_min_ms`. Beginning it again with the same size is no error;
  /// with another size it fails with `upload_conflict`. `zero_bytes` of it will come as zeros and
  /// need no room; the rest of such a file gets its room as it comes.
  virtual Result<void> begin_upload(const std::string& name, std::uint64_t size_bytes,
                                    std::uint64_t zero_bytes = 0) = 0;
  /// Stores whole leaves at `offset`. `leaves` are the digests of `bytes`, checked by the caller.
  /// Writing the same again is no error; other digests where some are recorded: `upload_conflict`.
  /// `unknown_upload`, `bad_message` (outside the file or not whole leaves). `relaxed`: nobody will
  /// wait for the disk, so it need not begin now.
  virtual Result<void> write_upload(const std::string& name, std::uint64_t offset,
                                    std::span<const char> bytes, std::string_view leaves,
                                    bool relaxed = false) = 0;
  /// Stores whole leaves of zeros, which take no room where the filesystem has holes. Fails as
  /// `write_upload`.
  virtual Result<void> write_zeros(const std::string& name, std::uint64_t offset,
                                   std::uint64_t length) = 0;
  /// Tells of up to `count` leaves from `offset` (a multiple of the leaf size) on. Fails with
  /// `unknown_upload`.
  virtual Result<UploadState> upload_state(const std::string& name, std::uint64_t offset = 0,
                                           std::size_t count = SIZE_MAX) = 0;
  /// Checks that every leaf has arrived and that their root is `root`, sets mode and time, and
  /// syncs the data unless it is `relaxed`. May be called again. Fails with `unknown_upload`,
  /// `upload_incomplete`, `digest_mismatch`, `damaged` (its bytes have changed since: it is
  /// dropped).
  virtual Result<void> finish_upload(const std::string& name, const Staged& expected,
                                     const Preserve& preserve, bool relaxed = false) = 0;
  /// A copy of a file of the tree in staging (shared blocks where the filesystem can), synced, with
  /// the mode of the original. Fails as `open`.
  virtual Result<Staged> stage_copy(const std::string& path, const std::string& name) = 0;
  /// No error if it is gone already.
  virtual Result<void> drop_staged(const std::string& name) = 0;

  // --- publishing (the publisher alone) ---

  /// Takes a finished upload or copy out of the workers' reach, under the commit's number, or finds
  /// it taken; gives its inode number. Fails with `unknown_upload`.
  virtual Result<std::uint64_t> claim(const std::string& name, std::uint64_t number) = 0;
  /// Drops one claimed file, or (0) all that are left after replay. No error if there is none.
  virtual Result<void> drop_claimed(std::uint64_t number) = 0;
  /// Writes the stamp and moves the claimed file to `path`, replacing a file. Tells whether what
  /// was replaced went to the trash. Fails with `not_found` (the parent), `is_directory`,
  /// `not_directory`, `unknown_upload`.
  virtual Result<bool> publish_claimed(std::uint64_t number, const std::string& path,
                                       const FileStamp& stamp) = 0;
  /// These are about to be published by `publish_small`, most likely in this order: they may be
  /// written before, where nobody sees them, while the caller does something else.
  virtual void prepare_small(std::vector<SmallPut>&& puts) { (void)puts; }
  /// Whatever of them has not been published will not be.
  virtual void drop_prepared() {}
  /// The same for a small file, whose bytes are in the log and are written here. `relaxed`: the log
  /// need not be synced yet. What is replaced may be written over later, by another file, when
  /// nobody has it open.
  virtual Result<bool> publish_small(const std::string& path, const FileStamp& stamp,
                                     std::span<const char> bytes, const Preserve& preserve,
                                     bool relaxed = false) = 0;
  /// Replay: what is claimed under this number. Fails with `unknown_upload`.
  virtual Result<Entry> stat_claimed(std::uint64_t number) = 0;
  /// Replay: takes a file out of the tree and keeps it as if claimed under `number`, its attributes
  /// and stamp as they are. Fails with `not_found`, `not_directory`, `is_directory`.
  virtual Result<void> set_aside(const std::string& path, std::uint64_t number) = 0;
  /// Replay: moves what is claimed under this number to `path` as it is, replacing a file. Fails
  /// with `unknown_upload`, `not_found` (the parent), `is_directory`, `not_directory`.
  virtual Result<void> put_back(std::uint64_t number, const std::string& path) = 0;
  /// Replay: writes a whole small file with its stamp to `path`, replacing what is there. Not
  /// synced: the log is kept until the whole tree is.
  virtual Result<void> restore(const std::string& path, std::span<const char> bytes,
                               const FileStamp& stamp, const Preserve& preserve) = 0;
  /// Moves a file, or a directory with all beneath it, to the trash; small files are unlinked.
  /// Tells whether something went to the trash. Without `recursive` a directory must be empty:
  /// `not_empty`. `not_found`.
  virtual Result<bool> remove(const std::string& path, bool recursive) = 0;
  /// Replaces a file at `to`; tells whether that went to the trash. Fails with `not_found`,
  /// `is_directory`, `not_directory`, `exists` (a directory at `to`), `bad_path` (into itself).
  virtual Result<bool> rename(const std::string& from, const std::string& to) = 0;
  /// Fails with `exists`, `not_found` (the parent), `not_directory`.
  virtual Result<void> make_directory(const std::string& path, const Preserve& preserve) = 0;
  /// Fails with `not_found`.
  virtual Result<void> set_attributes(const std::string& path, const Preserve& preserve) = 0;
  /// Makes the bytes of an upload durable that was finished `relaxed`: of what is claimed under the
  /// number, or else of the file at `path`, published under it. Final when it fails. `not_found`.
  virtual Result<void> sync_upload(std::uint64_t number, const std::string& path) = 0;
  /// Replay: whether the file of the tree, or, without a path, the one claimed under the stamp's
  /// version, has the bytes that the stamp says, and their leaves. Reads all of it. `not_found`.
  virtual Result<bool> is_whole(const std::string& path, const FileStamp& stamp) = 0;
  /// Makes everything published so far durable. Slow, so another thread may do it for the
  /// publisher.
  virtual Result<void> sync_tree() = 0;
  /// The publisher has asked for such a sync, and: it is done. Told by it, one sync at a time. What
  /// was replaced before the former may be written over from the latter on.
  virtual void sync_begins() = 0;
  virtual void sync_ended() = 0;

  // --- cleaning (workers) ---

  /// Removes what the named sessions (or, with `all_but`, all others) left in staging and
  /// snapshots. What is kept (storage/names.hpp) stays.
  virtual Result<void> sweep(const std::vector<std::uint64_t>& sessions, bool all_but) = 0;
  /// Removes kept uploads that nothing was written to for so long.
  virtual Result<void> sweep_kept(std::chrono::milliseconds age) = 0;
  /// Unlinks some of what lies in the trash; tells whether more is left.
  virtual Result<bool> empty_trash() = 0;
  /// The disk is full: gives back what is only kept to save time, and what nobody may come back
  /// for. Any thread.
  virtual void make_room() = 0;
};

/// Small files for a thread that must not wait for the disk. Used by that thread alone.
class SmallFiles {
 public:
  virtual ~SmallFiles() = default;
  /// The whole file, as it is now, if it has up to `most_bytes` and all of it is in memory.
  /// Otherwise nothing, whatever the reason: `Storage::open` tells. `now` never goes back. A
  /// directory above that was moved by hand may be seen up to a second later.
  virtual std::optional<Opened> read(const std::string& path, std::size_t most_bytes,
                                     std::chrono::milliseconds now) = 0;
  /// The server is about to move or remove a directory; `ended`: that is done. They may overlap.
  virtual void tree_moves(bool ended) = 0;
  /// To be called now and then, so that nothing is kept open for long that nobody reads.
  virtual void let_go(std::chrono::milliseconds now) = 0;
};

/// The commit log's files: numbered segments, written at the end only.
class LogFiles {
 public:
  virtual ~LogFiles() = default;
  /// The generations there are, in growing order.
  virtual Result<std::vector<std::uint64_t>> segments() = 0;
  /// All bytes of a segment. What follows the last record that was written may be anything.
  virtual Result<std::string> read(std::uint64_t generation) = 0;
  /// Starts a new segment, to which `append` writes from here on. Durable when `sync` returns.
  virtual Result<void> start(std::uint64_t generation) = 0;
  /// Takes room, so that appends of so many bytes find it. Fails with `no_space`, as it was.
  virtual Result<void> reserve(std::uint64_t bytes) = 0;
  /// Fails with `no_space` without having written anything that counts.
  virtual Result<void> append(std::string_view bytes) = 0;
  /// Makes all that was appended durable. A failure is final: never call it again.
  virtual Result<void> sync() = 0;
  /// Removes the segments before `generation`.
  virtual Result<void> drop_before(std::uint64_t generation) = 0;
  /// What the log may take of its disk before it is made smaller, as the disk was at the last
  /// `start`.
  virtual std::uint64_t share_bytes() const = 0;
  /// The disk is full: gives back what the next segment can do without.
  virtual void make_room() = 0;
};

}  // namespace sluice::storage
