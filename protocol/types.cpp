// Names of the message types, for logs, documents and golden files.
#include "protocol/types.hpp"

namespace sluice::protocol {

std::string_view name(Type type) {
  switch (type) {
#define SLUICE_TYPE(type) \
  case Type::type:        \
    return #type
    SLUICE_TYPE(error);
    SLUICE_TYPE(hello);
    SLUICE_TYPE(welcome);
    SLUICE_TYPE(ping);
    SLUICE_TYPE(pong);
    SLUICE_TYPE(bye);
    SLUICE_TYPE(bye_reply);
    SLUICE_TYPE(stat);
    SLUICE_TYPE(stat_reply);
    SLUICE_TYPE(list);
    SLUICE_TYPE(list_reply);
    SLUICE_TYPE(get);
    SLUICE_TYPE(get_reply);
    SLUICE_TYPE(read);
    SLUICE_TYPE(read_reply);
    SLUICE_TYPE(read_end);
    SLUICE_TYPE(read_end_reply);
    SLUICE_TYPE(get_many);
    SLUICE_TYPE(get_many_reply);
    SLUICE_TYPE(read_leaves);
    SLUICE_TYPE(read_leaves_reply);
    SLUICE_TYPE(verify);
    SLUICE_TYPE(verify_reply);
    SLUICE_TYPE(put);
    SLUICE_TYPE(put_reply);
    SLUICE_TYPE(write_begin);
    SLUICE_TYPE(write_begin_reply);
    SLUICE_TYPE(write_chunk);
    SLUICE_TYPE(write_chunk_reply);
    SLUICE_TYPE(write_commit);
    SLUICE_TYPE(write_commit_reply);
    SLUICE_TYPE(write_abort);
    SLUICE_TYPE(write_abort_reply);
    SLUICE_TYPE(write_status);
    SLUICE_TYPE(write_status_reply);
    SLUICE_TYPE(write_reuse);
    SLUICE_TYPE(write_reuse_reply);
    SLUICE_TYPE(put_many);
    SLUICE_TYPE(put_many_reply);
    SLUICE_TYPE(remove);
    SLUICE_TYPE(remove_reply);
    SLUICE_TYPE(rename);
    SLUICE_TYPE(rename_reply);
    SLUICE_TYPE(copy);
    SLUICE_TYPE(copy_reply);
    SLUICE_TYPE(make_directory);
    SLUICE_TYPE(make_directory_reply);
    SLUICE_TYPE(set_attributes);
    SLUICE_TYPE(set_attributes_reply);
    SLUICE_TYPE(acquire_lock);
    SLUICE_TYPE(acquire_lock_reply);
    SLUICE_TYPE(cancel);
    SLUICE_TYPE(cancel_reply);
    SLUICE_TYPE(release_lock);
    SLUICE_TYPE(release_lock_reply);
    SLUICE_TYPE(renew_lock);
    SLUICE_TYPE(renew_lock_reply);
    SLUICE_TYPE(list_locks);
    SLUICE_TYPE(list_locks_reply);
    SLUICE_TYPE(convert_lock);
    SLUICE_TYPE(convert_lock_reply);
    SLUICE_TYPE(break_lock);
    SLUICE_TYPE(break_lock_reply);
    SLUICE_TYPE(lock_lost);
    SLUICE_TYPE(watch);
    SLUICE_TYPE(watch_reply);
    SLUICE_TYPE(worker_hello);
    SLUICE_TYPE(worker_welcome);
    SLUICE_TYPE(worker_heartbeat);
    SLUICE_TYPE(worker_heartbeat_reply);
    SLUICE_TYPE(worker_bye);
    SLUICE_TYPE(job_parked);
    SLUICE_TYPE(sweep);
    SLUICE_TYPE(sweep_reply);
    SLUICE_TYPE(commit);
    SLUICE_TYPE(commit_reply);
    SLUICE_TYPE(commit_waiting);
    SLUICE_TYPE(session_alive);
    SLUICE_TYPE(session_ended);
    SLUICE_TYPE(worker_known);
    SLUICE_TYPE(worker_gone);
    SLUICE_TYPE(join_locks);
    SLUICE_TYPE(join_locks_reply);
    SLUICE_TYPE(publish);
    SLUICE_TYPE(published);
    SLUICE_TYPE(reserve_numbers);
    SLUICE_TYPE(reserve_numbers_reply);
    SLUICE_TYPE(checkpoint);
    SLUICE_TYPE(checkpoint_reply);
    SLUICE_TYPE(sync_locks);
    SLUICE_TYPE(sync_locks_reply);
#undef SLUICE_TYPE
  }
  return "unknown";
}

}  // namespace sluice::protocol
