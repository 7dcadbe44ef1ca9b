// The records of the commit log: what they hold, how they look as bytes, and how a segment is read
// back. Pure functions and plain data; used by the publisher's thread, and by replay before
// anything is served.
//
// A record is {length u32, checksum u64, generation u64, sequence u64, body length u32, body,
// data}, integers big-endian; length counts what follows the checksum, the checksum (XXH3-64)
// covers the same. `sequence` grows by one with every record, from segment to segment too. Segments
// are used again, so what follows the last record may be anything. Read on: log_writer.hpp,
// replay.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/codec.hpp"
#include "protocol/digest.hpp"
#include "protocol/messages/changes.hpp"

namespace sluice::broker::publisher {

/// Numbers are on disk: never reuse one.
enum class RecordKind : std::uint8_t {
  /// Some remembered outcomes as data (outcomes.hpp); they come before their segment's head.
  outcomes = 1,
  /// `epoch`, `up_to`, `oldest`. Written last, so that a head that can be read is whole.
  head = 2,
  /// Numbers up to `up_to` may be given out.
  reserve_numbers = 3,
  /// Segments before `oldest` are not needed any more: the tree holds what they say.
  dropped = 4,
  /// The change with this `number` was logged but could not be made; it did not happen.
  revoked = 5,
  /// A change that found nothing to do; kept for its outcome.
  nothing = 10,
  put_small = 11,
  put_claimed = 12,
  remove = 13,
  rename = 14,
  make_directories = 15,
  set_attributes = 16,
  /// These two are the first change of a log that was emptied for them.
  remove_directory = 17,
  rename_directory = 18,
};

struct LogRecord {
  RecordKind kind{};
  // A change is its own remembered outcome.
  std::uint64_t session = 0;
  std::uint64_t request_id = 0;
  std::uint64_t number = 0;
  std::string path;
  std::string to_path;
  /// The file or directory concerned: its version before the change, and its inode number, 0 if not
  /// known.
  std::uint64_t version = 0;
  std::uint64_t inode = 0;
  /// The inode number of a file without version that was replaced at the target.
  std::uint64_t replaced_inode = 0;
  /// put: the name in staging, size and digest of the bytes.
  std::string staged;
  std::uint64_t size_bytes = 0;
  protocol::Digest root{};
  protocol::Preserve preserve;
  /// put: the log need not be synced for it, and its bytes, if they were claimed, may not be. The
  /// first one in a directory is synced, so that replay knows where there may be files without a
  /// record.
  bool relaxed = false;
  bool recursive = false;
  /// set_attributes: of a directory.
  bool directory = false;
  /// make_directories: what was missing, outermost first; `preserve` is about the last.
  std::vector<std::string> directories;
  std::uint64_t epoch = 0;
  std::uint64_t up_to = 0;
  std::uint64_t oldest = 0;

  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("kind", s.kind);
    v.may("session", s.session);
    v.may("request", s.request_id);
    v.may("number", s.number);
    v.may("path", s.path);
    v.may("to_path", s.to_path);
    v.may("version", s.version);
    v.may("inode", s.inode);
    v.may("replaced", s.replaced_inode);
    v.may("staged", s.staged);
    v.may("size_bytes", s.size_bytes);
    v.may("root", s.root);
    protocol::Preserve::fields(v, s.preserve);
    v.may("relaxed", s.relaxed);
    v.may("recursive", s.recursive);
    v.may("directory", s.directory);
    v.may("directories", s.directories);
    v.may("epoch", s.epoch);
    v.may("up_to", s.up_to);
    v.may("oldest", s.oldest);
  }
};

/// Whether the record is a change of a client: has session, request id and number.
constexpr bool is_change(RecordKind kind) {
  return kind >= RecordKind::nothing;
}
constexpr bool is_directory_change(RecordKind kind) {
  return kind == RecordKind::remove_directory || kind == RecordKind::rename_directory;
}

/// Appends one record to `out`.
void encode_record(std::string& out, const LogRecord& record, std::span<const char> data,
                   std::uint64_t generation, std::uint64_t sequence);

/// A record as it lies in a segment.
struct ReadRecord {
  LogRecord record;
  std::uint64_t sequence = 0;
  /// Points into the segment.
  std::string_view data;
};

/// Reads a segment record by record. Takes any bytes: what does not check out, is of another
/// generation or out of sequence is the end.
class LogReader {
 public:
  /// The segment must outlive the reader.
  LogReader(std::string_view segment, std::uint64_t generation)
      : rest_(segment), generation_(generation) {}
  std::optional<ReadRecord> next();

 private:
  std::string_view rest_;
  std::uint64_t generation_;
  std::optional<std::uint64_t> last_sequence_;
};

/// All records of a segment.
std::vector<ReadRecord> read_records(std::string_view segment, std::uint64_t generation);

}  // namespace sluice::broker::publisher
