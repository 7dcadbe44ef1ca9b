// Syncing the tree: see checkpointer.hpp.
#include "broker/publisher/checkpointer.hpp"

#include "protocol/messages/commits.hpp"

namespace sluice::broker::publisher {

void Checkpointer::on_message(runtime::Message&& message, runtime::Time, runtime::Outbox& outbox) {
  switch (message.header.type) {
    case protocol::Type::checkpoint: {
      const auto checkpoint = protocol::decode<protocol::Checkpoint>(message.body);
      protocol::CheckpointReply reply;
      if (checkpoint) {
        reply.generation = checkpoint->generation;
        reply.ok = storage_.sync_tree().has_value();
      }
      outbox.send(runtime::make_reply(message, reply));
      break;
    }
    default:
      outbox.send(runtime::make_error(
          message, {protocol::Code::unknown_type, {}, "the checkpointer only makes checkpoints"}));
  }
}

}  // namespace sluice::broker::publisher
