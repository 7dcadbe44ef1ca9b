// What finds no room on the disk before it is a commit: the broker has the publisher empty its log,
// and gives the request to a worker once more. Commits are the publisher's own to try again.
#include "broker/broker.hpp"
#include "broker/dispatch.hpp"
#include "protocol/messages/commits.hpp"

namespace sluice::broker {

using protocol::Code;
using protocol::Type;
using runtime::Outbox;
using runtime::Port;

namespace {

bool takes_room_by_itself(Type type) {
  switch (type) {
    case Type::write_begin:
    case Type::write_chunk:
    case Type::write_reuse:
    case Type::copy:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool Broker::wait_for_room(Job& job, const protocol::ErrorReply& error, Outbox& outbox) {
  if (error.code != Code::no_space || !takes_room_by_itself(job.request.header.type) ||
      job.room_made || job.cancel_wanted || shutting_down_)
    return false;
  job.room_made = true;
  job.place = Place::publisher;
  job.worker.clear();
  outbox.send(runtime::make_message({Port::locks, {}}, protocol::Checkpoint{0, true}, 0,
                                    {job.session, job.number, 0}));
  return true;
}

void Broker::on_room_made(Job& job, Time now, Outbox& outbox) {
  if (job.place != Place::publisher) return;
  if (job.cancel_wanted) return fail_job(job.number, {Code::cancelled, {}, {}}, outbox);
  job.place = Place::queued;
  job.since = now;
  ++job.attempt;
  dispatch_.enqueue_again(job.number, is_heavy(job.request.header.type));
  hand_out(outbox);
}

}  // namespace sluice::broker
