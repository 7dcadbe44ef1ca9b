// The one table of limits: everything that bounds memory, size, number or time, in one place.
// What a client needs to know is advertised in `Welcome`. Read on: docs/protocol.md, "Limits".
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::protocol::limits {

inline constexpr std::uint8_t version_min = 1;
inline constexpr std::uint8_t version_max = 1;

// paths
inline constexpr std::size_t path_bytes = 4000;
inline constexpr std::size_t name_bytes = 255;
inline constexpr std::size_t path_depth = 128;

// messages
inline constexpr std::size_t body_bytes = 1u << 20;
/// Bytes covered by one digest. Fixed for protocol v1; a chunk on the wire is whole leaves.
inline constexpr std::size_t leaf_bytes = 128u << 10;
inline constexpr std::size_t chunk_bytes = 1u << 20;
inline constexpr std::size_t frame_bytes = chunk_bytes + body_bytes;
/// Files up to this size are put in one message, and their bytes go into the commit log.
inline constexpr std::size_t small_file_bytes = leaf_bytes;
/// Files in one `get_many` or `put_many`.
inline constexpr std::size_t batch_files = 256;
inline constexpr std::uint64_t file_bytes = 1ull << 44;
inline constexpr std::size_t list_entries = 1000;
/// Names that one request of a list looks at.
inline constexpr std::size_t list_scan = 20'000;
/// Digests of leaves in one answer, and how many of them are made anew for it at most.
inline constexpr std::size_t leaves_in_answer = 32'768;
inline constexpr std::size_t leaves_made_anew = 512;
/// Bytes that one chunk without a payload says are zeros.
inline constexpr std::size_t zero_bytes = 256u << 20;
/// How long a kept upload waits for its next chunk; and how long where the disk is full.
inline constexpr std::uint32_t upload_keep_ms = 3'600'000;
inline constexpr std::uint32_t upload_keep_min_ms = 600'000;
/// How often the server looks for uploads that have waited that long.
inline constexpr std::uint32_t upload_look_ms = 300'000;

/// Bytes that one request of a verify looks at.
inline constexpr std::size_t verify_bytes = 4u << 20;

// sessions
inline constexpr std::size_t sessions = 4096;
inline constexpr std::uint32_t window_requests = 256;
inline constexpr std::size_t window_bytes = 32u << 20;
inline constexpr std::uint32_t lease_ms = 10'000;
inline constexpr std::uint32_t lease_min_ms = 500;
inline constexpr std::uint32_t lease_max_ms = 3'600'000;
/// Bytes that a connection may have sent beyond what arrived as whole messages before it is closed.
inline constexpr std::size_t unfinished_bytes = window_bytes + window_bytes / 2;
/// Bytes kept for a peer that does not read its answers, beyond libzmq's own queue.
inline constexpr std::size_t outbox_bytes = 16u << 20;
/// Bytes of large answers for a session that are not sent yet, after which its next requests of
/// that kind wait; and for all sessions, after which each may have one under way.
inline constexpr std::size_t unsent_bytes_per_session = 8u << 20;
inline constexpr std::size_t unsent_bytes_in_all = 96u << 20;
/// The body of a request about files; one about locks may name many paths (`body_bytes`).
inline constexpr std::size_t request_body_bytes = 64u << 10;
/// Requests of all sessions under way at once.
inline constexpr std::size_t jobs = 65'536;

// locks
inline constexpr std::size_t claims = 64;
inline constexpr std::size_t locks_per_session = 10'000;
inline constexpr std::size_t locks_in_all = 2'000'000;
inline constexpr std::size_t waiters_in_all = 100'000;
inline constexpr std::size_t owner_bytes = 128;
/// Holders and waiters that the search for a deadlock reaches.
inline constexpr std::size_t deadlock_waits = 10'000;
/// Locks that one page of a list looks at.
inline constexpr std::size_t lock_scan = 8'192;
inline constexpr std::uint32_t wait_max_ms = 86'400'000;
/// How long at least a request waits that is said again to a server that was restarted.
inline constexpr std::uint32_t wait_again_min_ms = 500;
inline constexpr std::uint32_t ttl_max_ms = 86'400'000;
/// The shortest time to live that can be kept: a lock of a named owner is on the disk before its
/// token is known, and has to be renewed after that. Checked where a lock is asked for.
inline constexpr std::uint32_t ttl_min_ms = 100;

// watching
/// Requests of all sessions that wait for an event.
inline constexpr std::size_t watchers = 4096;
/// Events in one answer.
inline constexpr std::size_t watch_events = 500;
/// Events remembered, and their bytes.
inline constexpr std::size_t watch_history = 65'536;
inline constexpr std::size_t watch_history_bytes = 16u << 20;
/// Commits, grants and releases that one request looks through.
inline constexpr std::size_t watch_scan = 8'192;

// workers
inline constexpr std::uint32_t worker_slots = 64;
inline constexpr std::uint32_t worker_heartbeat_ms = 500;
inline constexpr std::uint32_t worker_silence_ms = 3'000;

// the commit log
inline constexpr std::uint64_t number_reserve = 1'000'000;
inline constexpr std::size_t log_segment_bytes = 64u << 20;
/// Kept aside on the disk, so that a checkpoint finds room for its segment when the disk is full.
inline constexpr std::size_t log_reserve_bytes = 16u << 20;
inline constexpr std::size_t log_checkpoint_bytes = 128u << 20;
/// Of a small disk the log takes one part in so many before a checkpoint, and so does each segment
/// kept aside; while a checkpoint goes on it may grow to twice that.
inline constexpr std::uint64_t log_part_of_disk = 16;
inline constexpr std::size_t log_share_min_bytes = 1u << 20;
/// Room that a batch leaves in its segment, so that on a full disk it can be taken back.
inline constexpr std::size_t log_last_bytes = 64u << 10;
inline constexpr std::size_t batch_commits = 512;
/// Replaced small files kept to be written over (storage/spare_files.hpp), and their bytes, which
/// are no more than so small a part of the room that the disk has left.
inline constexpr std::size_t spare_files = 65'536;
inline constexpr std::size_t spare_bytes = 256u << 20;
inline constexpr std::uint64_t spare_part_of_room = 8;
/// Outcomes remembered for each session. So many changes less one a client may send after one that
/// is not answered: with more, a repeat of that one might be done again.
inline constexpr std::size_t outcomes_per_session = 1024;
/// And successes of all sessions; those used longest ago are forgotten first.
inline constexpr std::size_t outcomes_bytes = 12u << 20;
/// Half of the log's share of a small disk, but no less than this.
inline constexpr std::size_t outcomes_min_bytes = 512u << 10;
/// Failures of all sessions; the oldest are forgotten first.
inline constexpr std::size_t failures_bytes = 4u << 20;

// the client
inline constexpr std::uint32_t connect_timeout_ms = 5'000;
/// How long a client tries to get back to a server that went away before it gives up.
inline constexpr std::uint32_t reconnect_limit_ms = 30'000;

}  // namespace sluice::protocol::limits
