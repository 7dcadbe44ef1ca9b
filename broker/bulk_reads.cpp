// See bulk_reads.hpp.
#include "broker/bulk_reads.hpp"

#include "protocol/limits.hpp"

namespace sluice::broker {

namespace limits = protocol::limits;

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

protocol::Payload BulkReads::end(std::uint64_t session, std::size_t bytes,
                                 protocol::Payload payload) {
  Use& use = sessions_[session];
  use.reading_bytes -= bytes;
  reading_bytes_ -= bytes;
  if (payload.size() < counted_bytes) return payload;
  return use.unsent.hold(unsent_.hold(std::move(payload)));
}

void BulkReads::forget_idle() {
  std::erase_if(sessions_, [](const auto& each) { return each.second.bytes() == 0; });
}

}  // namespace sluice::broker
