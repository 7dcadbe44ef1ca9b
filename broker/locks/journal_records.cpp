// Records of the lock journal as bytes and back: see journal_records.hpp.
#include "broker/locks/journal_records.hpp"

#include <algorithm>

#include "broker/record_frame.hpp"
#include "protocol/limits.hpp"

namespace sluice::broker::locks {
namespace {

// Numbers are on disk: never reuse one.
enum class Kind : std::uint8_t { head = 1, lock = 2, ended = 3, copied = 4 };
constexpr std::uint8_t is_tree = 1;
constexpr std::uint8_t is_shared = 2;

void put_kind(std::string& out, Kind kind) {
  out += static_cast<char>(kind);
}

void put_text(std::string& out, std::string_view text) {
  put_integer(out, text.size(), 2);
  out += text;
}

// Reads until something is not there; then all that follows is empty and `ok` is false.
struct Reader {
  std::string_view rest;
  bool ok = true;

  std::uint64_t integer(std::size_t size) {
    ok = ok && rest.size() >= size;
    return ok ? take_integer(rest, size) : 0;
  }
  std::string text(std::size_t size) {
    ok = ok && rest.size() >= size;
    if (!ok) return {};
    std::string text(rest.substr(0, size));
    rest.remove_prefix(size);
    return text;
  }
  std::string text() { return text(integer(2)); }
};

JournaledLock take_lock(Reader& reader) {
  JournaledLock lock;
  lock.number = reader.integer(8);
  lock.session = reader.integer(8);
  lock.request_id = reader.integer(8);
  lock.agent = reader.integer(8);
  lock.ttl_ms = static_cast<std::uint32_t>(reader.integer(4));
  lock.lease_ms = static_cast<std::uint32_t>(reader.integer(4));
  lock.expires_at_ms = reader.integer(8);
  lock.secret = reader.text(protocol::Secret::digits);
  lock.holder = reader.text();
  lock.owner = reader.text();
  const std::uint64_t claims = reader.integer(1);
  for (std::uint64_t i = 0; i < claims && reader.ok; ++i) {
    const std::uint64_t flags = reader.integer(1);
    lock.claims.push_back({reader.text(), (flags & is_tree) != 0, (flags & is_shared) != 0});
  }
  return lock;
}

}  // namespace

void put_lock(std::string& out, const JournaledLock& lock) {
  static_assert(protocol::limits::claims <= 0xff && protocol::limits::path_bytes <= 0xffff);
  put_kind(out, Kind::lock);
  put_integer(out, lock.number, 8);
  put_integer(out, lock.session, 8);
  put_integer(out, lock.request_id, 8);
  put_integer(out, lock.agent, 8);
  put_integer(out, lock.ttl_ms, 4);
  put_integer(out, lock.lease_ms, 4);
  put_integer(out, lock.expires_at_ms, 8);
  out += lock.secret.view();
  put_text(out, lock.holder);
  put_text(out, lock.owner);
  put_integer(out, lock.claims.size(), 1);
  for (const protocol::LockClaim& claim : lock.claims) {
    put_integer(out, (claim.tree ? is_tree : 0) | (claim.shared ? is_shared : 0), 1);
    put_text(out, claim.path);
  }
}

void put_ended(std::string& out, std::uint64_t number) {
  put_kind(out, Kind::ended);
  put_integer(out, number, 8);
}

void put_head(std::string& out, const JournalHead& head) {
  put_kind(out, Kind::head);
  put_integer(out, head.whole ? 1 : 0, 1);
  put_integer(out, head.follows, 8);
}

void put_copied(std::string& out) {
  put_kind(out, Kind::copied);
}

bool read_records(std::string_view content, const RecordVisitor& visitor) {
  Reader reader{content};
  while (reader.ok && !reader.rest.empty()) {
    switch (static_cast<Kind>(reader.integer(1))) {
      case Kind::head: {
        const bool whole = reader.integer(1) != 0;
        const JournalHead head{whole, reader.integer(8)};
        if (reader.ok) visitor.head(head);
        break;
      }
      case Kind::lock: {
        JournaledLock lock = take_lock(reader);
        if (reader.ok) visitor.lock(std::move(lock));
        break;
      }
      case Kind::ended: {
        const std::uint64_t number = reader.integer(8);
        if (reader.ok) visitor.ended(number);
        break;
      }
      case Kind::copied:
        visitor.copied();
        break;
      default:
        return false;
    }
  }
  return reader.ok;
}

}  // namespace sluice::broker::locks
