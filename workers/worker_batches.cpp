// The worker's batches of changes: each file is parked and committed as if it had come by itself,
// under a request id of its own, so that all that holds for one change holds for each of them. Only
// the answer is one. See worker.hpp.
#include "workers/operations/operations.hpp"
#include "workers/worker.hpp"

namespace sluice::workers {

using protocol::Code;
using runtime::Message;
using runtime::Outbox;
namespace limits = protocol::limits;

namespace {

// Each with a long path and all there is to say of it, they would be more than a body may be, and
// the client could read none of them.
void fit_into_body(std::vector<protocol::PutOutcome>& outcomes) {
  constexpr std::size_t outcome_bytes = 64;
  std::size_t left = limits::body_bytes - (limits::batch_files + 1) * outcome_bytes;
  for (protocol::PutOutcome& outcome : outcomes) {
    for (std::string* text : {&outcome.detail, &outcome.path}) {
      if (text->size() > left) text->clear();
      left -= text->size();
    }
  }
}

}  // namespace

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
    if (change) {
      park(std::move(request), std::move(*change), {}, {number, i}, outbox);
      continue;
    }
    protocol::Error refusal = std::move(change.error());
    refusal.path.clear();
    if (refusal.code == Code::bad_path)
      note_outcome({number, i}, {}, tl::make_unexpected(std::move(refusal)), outbox);
    else
      park(std::move(request), {}, std::move(refusal), {number, i}, outbox);
  }
  end_of_batch(number, outbox);
}

void Worker::note_outcome(InBatch place, const std::string& path,
                          const protocol::Result<std::uint64_t>& version, Outbox& outbox) {
  const auto found = batches_.find(place.batch);
  if (found == batches_.end()) return;
  protocol::PutOutcome& outcome = found->second.outcomes[place.at];
  if (version)
    outcome.version = *version;
  else
    outcome = {static_cast<std::uint16_t>(version.error().code),
               version.error().path == path ? std::string{} : version.error().path,
               version.error().detail, 0};
  end_of_batch(place.batch, outbox);
}

void Worker::end_of_batch(std::uint64_t number, Outbox& outbox) {
  Batch& batch = batches_.at(number);
  if (--batch.open > 0) return;
  fit_into_body(batch.outcomes);
  outbox.send(
      runtime::make_reply(batch.request, protocol::PutManyReply{std::move(batch.outcomes)}));
  batches_.erase(number);
}

}  // namespace sluice::workers
