// The list of all messages. A new one is one line here.
#include "tests/golden/every_message.hpp"

#include <tuple>
#include <utility>

#include "protocol/messages/batches.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/commits.hpp"
#include "protocol/messages/files.hpp"
#include "protocol/messages/locks.hpp"
#include "protocol/messages/session.hpp"
#include "protocol/messages/watch.hpp"
#include "protocol/messages/workers.hpp"

namespace sluice::golden {
namespace {

using EveryMessage = std::tuple<
    // sessions
    protocol::ErrorReply, protocol::Hello, protocol::Welcome, protocol::Ping, protocol::Pong,
    protocol::Bye, protocol::ByeReply,
    // reading
    protocol::Stat, protocol::StatReply, protocol::List, protocol::ListReply, protocol::Get,
    protocol::GetReply, protocol::Read, protocol::ReadReply, protocol::ReadEnd,
    protocol::ReadEndReply, protocol::GetMany, protocol::GetManyReply, protocol::ReadLeaves,
    protocol::ReadLeavesReply, protocol::Verify, protocol::VerifyReply,
    // writing
    protocol::Put, protocol::PutReply, protocol::WriteBegin, protocol::WriteBeginReply,
    protocol::WriteChunk, protocol::WriteChunkReply, protocol::WriteCommit,
    protocol::WriteCommitReply, protocol::WriteAbort, protocol::WriteAbortReply,
    protocol::WriteStatus, protocol::WriteStatusReply, protocol::WriteReuse,
    protocol::WriteReuseReply, protocol::PutMany, protocol::PutManyReply,
    // changing the tree
    protocol::Remove, protocol::RemoveReply, protocol::Rename, protocol::RenameReply,
    protocol::Copy, protocol::CopyReply, protocol::MakeDirectory, protocol::MakeDirectoryReply,
    protocol::SetAttributes, protocol::SetAttributesReply,
    // locks
    protocol::AcquireLock, protocol::AcquireLockReply, protocol::Cancel, protocol::CancelReply,
    protocol::ReleaseLock, protocol::ReleaseLockReply, protocol::RenewLock,
    protocol::RenewLockReply, protocol::ListLocks, protocol::ListLocksReply, protocol::ConvertLock,
    protocol::ConvertLockReply, protocol::BreakLock, protocol::BreakLockReply, protocol::LockLost,
    protocol::Watch, protocol::WatchReply,
    // workers and the broker
    protocol::WorkerHello, protocol::WorkerWelcome, protocol::WorkerHeartbeat,
    protocol::WorkerHeartbeatReply, protocol::WorkerBye, protocol::JobParked, protocol::Sweep,
    protocol::SweepReply,
    // the lock actor
    protocol::Commit, protocol::CommitReply, protocol::CommitWaiting, protocol::SessionAlive,
    protocol::SessionEnded, protocol::WorkerKnown, protocol::WorkerGone, protocol::JoinLocks,
    protocol::JoinLocksReply,
    // the publisher
    protocol::Publish, protocol::Published, protocol::ReserveNumbers, protocol::ReserveNumbersReply,
    protocol::Checkpoint, protocol::CheckpointReply, protocol::SyncLocks, protocol::SyncLocksReply>;

template <class M>
protocol::Result<std::string> recode(std::string_view body) {
  return protocol::decode<M>(body).map([](const M& message) { return protocol::encode(message); });
}

template <class M>
MessageKind kind_of() {
  return {M::type,
          std::string(protocol::name(M::type)),
          described<M>(),
          protocol::encode(filled<M>()),
          protocol::encode(M{}),
          recode<M>};
}

}  // namespace

const std::vector<MessageKind>& every_message() {
  static const std::vector<MessageKind> kinds = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::vector<MessageKind>{kind_of<std::tuple_element_t<I, EveryMessage>>()...};
  }
  (std::make_index_sequence<std::tuple_size_v<EveryMessage>>{});
  return kinds;
}

}  // namespace sluice::golden
