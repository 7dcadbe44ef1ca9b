// The worker's batches of changes: each file is parked and committed as if it had come by itself,
// under a request id of its own, so that all that holds for one change holds for each of them. Only
// the answer is one. See worker.hpp.
#include "workers/operations/operations.hpp"
#include "workers/worker.hpp"

namespace sluice::workers {

using protocol::Code;
using runtime::Message;
using runtime::Outbox;

void Worker::on_put_many(Message&& message, Outbox& outbox) {
  auto changes = operations::put_many(Job{message, storage_, relaxed_server_});
  if (!changes) return outbox.send(runtime::make_error(message, changes.error()));
  if (changes->empty()) return outbox.send(runtime::make_reply(message, protocol::PutManyReply{}));
  message.body.clear();
  message.payload = {};
  const std::uint64_t number = ++last_handle_;
  Batch& batch = batches_[number];
  batch.request = message;
  batch.outcomes.resize(changes->size());
  // One more: an outcome that is there at once must not end the batch before all are under way.
  batch.open = changes->size() + 1;
  for (std::size_t i = 0; i < changes->size(); ++i) {
    protocol::Result<Change>& change = (*changes)[i];
    Message request = message;
    request.header.request_id += i;
    if (change)
      park(std::move(request), std::move(*change), {}, {number, i}, outbox);
    else if (change.error().code == Code::bad_path)
      note_outcome({number, i}, tl::make_unexpected(change.error()), outbox);
    else
      park(std::move(request), {}, change.error(), {number, i}, outbox);
  }
  end_of_batch(number, outbox);
}

void Worker::note_outcome(InBatch place, const protocol::Result<std::uint64_t>& version,
                          Outbox& outbox) {
  const auto found = batches_.find(place.batch);
  if (found == batches_.end()) return;
  protocol::PutOutcome& outcome = found->second.outcomes[place.at];
  if (version)
    outcome.version = *version;
  else
    outcome = {static_cast<std::uint16_t>(version.error().code), version.error().path,
               version.error().detail, 0};
  end_of_batch(place.batch, outbox);
}

void Worker::end_of_batch(std::uint64_t number, Outbox& outbox) {
  Batch& batch = batches_.at(number);
  if (--batch.open > 0) return;
  outbox.send(
      runtime::make_reply(batch.request, protocol::PutManyReply{std::move(batch.outcomes)}));
  batches_.erase(number);
}

}  // namespace sluice::workers
