// The form of every operation: a function from a job to how it ends. An operation checks what came
// from outside, does all that is heavy, and ends with an answer or with a change that has to be
// committed. To add one: its messages in protocol/messages/, a number in protocol/types.hpp, a file
// here, a line in operations.cpp, and (for a new kind of change) a case in broker/publisher/.
// Operations keep nothing between calls and run on the worker's thread.
#pragma once

#include <variant>

#include "protocol/errors.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/commits.hpp"
#include "protocol/messages/workers.hpp"
#include "protocol/path.hpp"
#include "runtime/message.hpp"
#include "storage/names.hpp"
#include "storage/storage.hpp"

namespace sluice::workers {

using protocol::Result;

/// A client's request as the broker gave it, and the disk.
struct Job {
  const runtime::Message& request;
  storage::Storage& storage;
  /// How the server is set for puts that do not say their durability.
  bool relaxed_server = false;

  std::uint64_t session() const { return request.stamp.session; }
  /// The name in staging (and snapshots) for what this attempt at this request makes.
  std::string own_name() const {
    return storage::request_name(session(), request.header.request_id, request.header.attempt);
  }
};

/// Ends with an answer to the client.
struct Answer {
  protocol::Type type{};
  std::string body;
  protocol::Payload payload;
};

template <protocol::Fields M>
Answer answer(const M& reply, protocol::Payload payload = {}) {
  return {M::type, protocol::encode(reply), std::move(payload)};
}

/// Ends with a change; the client is answered with its outcome. `bytes` are those of a small put.
struct Change {
  protocol::Commit commit;
  protocol::Payload bytes;
};

using Ending = std::variant<Answer, Change>;
using Operation = Result<Ending> (*)(const Job&);

/// Decodes the job's body.
template <protocol::Fields M>
Result<M> request_of(const Job& job) {
  return protocol::decode<M>(job.request.body);
}

/// The operation for a message type; none for types that are no worker's business.
Operation find_operation(protocol::Type type);

}  // namespace sluice::workers
