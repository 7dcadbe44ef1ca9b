// Every message type of protocol v1 with its wire number. A reply's number is its request's plus
// one; `error` answers any request. Numbers are explicit and never reused. Bodies:
// protocol/messages/.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::protocol {

enum class Type : std::uint16_t {
  error = 1,
  // sessions
  hello = 0x10,
  welcome = 0x11,
  ping = 0x12,
  pong = 0x13,
  bye = 0x14,
  bye_reply = 0x15,
  // reading
  stat = 0x20,
  stat_reply = 0x21,
  list = 0x22,
  list_reply = 0x23,
  get = 0x24,
  get_reply = 0x25,
  read = 0x26,
  read_reply = 0x27,
  read_end = 0x28,
  read_end_reply = 0x29,
  verify = 0x2a,
  verify_reply = 0x2b,
  get_many = 0x2c,
  get_many_reply = 0x2d,
  read_leaves = 0x2e,
  read_leaves_reply = 0x2f,
  // writing
  put = 0x30,
  put_reply = 0x31,
  write_begin = 0x32,
  write_begin_reply = 0x33,
  write_chunk = 0x34,
  write_chunk_reply = 0x35,
  write_commit = 0x36,
  write_commit_reply = 0x37,
  write_abort = 0x38,
  write_abort_reply = 0x39,
  write_status = 0x3a,
  write_status_reply = 0x3b,
  write_reuse = 0x3c,
  write_reuse_reply = 0x3d,
  put_many = 0x3e,
  put_many_reply = 0x3f,
  // changing the tree
  remove = 0x40,
  remove_reply = 0x41,
  rename = 0x42,
  rename_reply = 0x43,
  copy = 0x44,
  copy_reply = 0x45,
  make_directory = 0x46,
  make_directory_reply = 0x47,
  set_attributes = 0x48,
  set_attributes_reply = 0x49,
  // locks
  acquire_lock = 0x60,
  acquire_lock_reply = 0x61,
  cancel = 0x62,
  cancel_reply = 0x63,
  release_lock = 0x64,
  release_lock_reply = 0x65,
  renew_lock = 0x66,
  renew_lock_reply = 0x67,
  list_locks = 0x68,
  list_locks_reply = 0x69,
  convert_lock = 0x6a,
  convert_lock_reply = 0x6b,
  break_lock = 0x6c,
  break_lock_reply = 0x6d,
  lock_lost = 0x6e,
  // seeing changes
  watch = 0x70,
  watch_reply = 0x71,
  // workers and the broker
  worker_hello = 0x80,
  worker_welcome = 0x81,
  worker_heartbeat = 0x82,
  worker_heartbeat_reply = 0x83,
  worker_bye = 0x84,
  job_parked = 0x86,
  sweep = 0x88,
  sweep_reply = 0x89,
  // the lock actor
  commit = 0xa0,
  commit_reply = 0xa1,
  commit_waiting = 0xa2,
  session_alive = 0xa4,
  session_ended = 0xa6,
  worker_known = 0xa8,
  worker_gone = 0xaa,
  join_locks = 0xac,
  join_locks_reply = 0xad,
  // the publisher
  publish = 0xc0,
  published = 0xc1,
  reserve_numbers = 0xc2,
  reserve_numbers_reply = 0xc3,
  checkpoint = 0xc4,
  checkpoint_reply = 0xc5,
  sync_locks = 0xc6,
  sync_locks_reply = 0xc7,
};

constexpr Type reply_to(Type request) {
  return static_cast<Type>(static_cast<std::uint16_t>(request) + 1);
}

/// Whether requests of this type change the tree: they happen once, however often they are sent.
constexpr bool is_change(Type request) {
  switch (request) {
    case Type::put:
    case Type::put_many:
    case Type::write_commit:
    case Type::remove:
    case Type::rename:
    case Type::copy:
    case Type::make_directory:
    case Type::set_attributes:
      return true;
    default:
      return false;
  }
}

/// Whether the lock actor answers requests of this type: the broker gives them to it and to no
/// worker.
constexpr bool is_lock_request(Type request) {
  switch (request) {
    case Type::acquire_lock:
    case Type::release_lock:
    case Type::renew_lock:
    case Type::list_locks:
    case Type::convert_lock:
    case Type::break_lock:
    case Type::watch:
      return true;
    default:
      return false;
  }
}

/// The message's name as in docs/protocol.md ("acquire_lock"), or "unknown".
std::string_view name(Type type);

}  // namespace sluice::protocol
