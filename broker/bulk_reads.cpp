// See bulk_reads.hpp.
#include "broker/bulk_reads.hpp"

#include "protocol/digest.hpp"
#include "protocol/limits.hpp"

namespace sluice::broker {

using protocol::Type;
namespace limits = protocol::limits;

std::optional<std::size_t> bulk_bytes(const protocol::Header& request) {
  // Besides its name.
  constexpr std::size_t entry_bytes = 128;
  switch (request.type) {
    case Type::read:
    case Type::get_many:
      return request.credit_bytes;
    case Type::read_leaves:
      return limits::leaves_in_answer * sizeof(protocol::Digest);
    case Type::write_status:
      return limits::body_bytes;
    case Type::list:
      return limits::list_entries * (limits::name_bytes + entry_bytes);
    // Most files that are got are small, whatever there is room for; and a watch may wait for
    // hours.
    case Type::get:
    case Type::list_locks:
    case Type::watch:
      return 0;
    default:
      return std::nullopt;
  }
}

bool BulkReads::begin(std::uint64_t session, std::size_t bytes) {
  Use& use = sessions_[session];
  const std::size_t in_memory = use.bytes();
  if (in_memory > 0 && (in_memory + bytes > limits::unsent_bytes_per_session ||
                        reading_bytes_ + unsent_.count() + bytes > limits::unsent_bytes_in_all))
    return false;
  use.reading_bytes += bytes;
  reading_bytes_ += bytes;
  return true;
}

void BulkReads::end(std::uint64_t session, std::size_t bytes) {
  sessions_[session].reading_bytes -= bytes;
  reading_bytes_ -= bytes;
}

runtime::HeldBytes::Owner BulkReads::held(Use& use, std::size_t size,
                                          runtime::HeldBytes::Owner owner) {
  return use.unsent.hold(size, unsent_.hold(size, std::move(owner)));
}

void BulkReads::hold(std::uint64_t session, runtime::Message& answer) {
  Use& use = sessions_[session];
  if (const protocol::Payload& read = answer.payload; read.size() >= counted_bytes)
    answer.payload = {held(use, read.size(), read.owner()), read.data(), read.size()};
  if (answer.body.size() >= counted_bytes)
    answer.body_owner = held(use, answer.body.size(), nullptr);
}

void BulkReads::forget_idle() {
  std::erase_if(sessions_, [](const auto& each) { return each.second.bytes() == 0; });
}

}  // namespace sluice::broker
