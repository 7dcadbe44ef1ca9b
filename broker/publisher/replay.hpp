// Replay: before anything is served, reads the commit log and makes the tree agree with it. Runs
// once, in the thread that starts the publisher. Steps on the disk are in restore.hpp, what the log
// comes to in last_state.hpp.
//
// Why it is exact. Of the changes made since the last checkpoint, a power loss leaves some set that
// has, with each change, all earlier ones of the same names and the same file: a directory's entry
// is one slot whose changes keep their order. A killed process leaves a prefix. In both cases:
//
// - A file whose bytes are not in the log is at exactly one place: in staging, claimed, or at a
//   name that it has had; something newer in its place would mean that its move away survived too.
//   Its version, or without one its inode number, tells which. So all files that are not where they
//   belong are first set aside under a number of their own, and only then put where they belong: no
//   order of moves, not even a swap, overwrites one.
// - A file whose bytes are in the log is written anew, whatever is left of it.
// - Of a relaxed put of a large file the bytes may be torn: they are read, and what is torn goes.
//   A rename is logged only after the bytes of the file are synced, so nothing else rests on them.
// - A relaxed put without a record is in a directory that the log knows, has a larger version than
//   the first relaxed put there, and replaced nothing: it goes.
// - Anything else found at a path the log names was there before the last change of that path: it
//   has a lower version, or is one of the files without version the log told of. It is removed, or
//   replaced by what belongs there.
// - Paths mean the same for all records, as a directory moves or goes only as the first change in
//   the log, with everything before it synced. It is done first; its inode number tells whether it
//   still has to be. The number is not used again meanwhile: a moved directory lives on, and a
//   directory is made where one was removed only after a checkpoint.
//
// Every step leaves a state that the same argument covers, and the log stays until the tree is
// synced, so replay may be interrupted and begun again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/publisher/outcomes.hpp"
#include "protocol/errors.hpp"
#include "storage/storage.hpp"

namespace sluice::broker::publisher {

/// What the server starts with.
struct Recovered {
  /// Grows with every start; 1 at the first.
  std::uint64_t epoch = 0;
  /// The first number that was never given out, and the last one that may be.
  std::uint64_t first_number = 0;
  std::uint64_t reserved_up_to = 0;
  Outcomes outcomes;
  /// The segment that was started, and where its records go on.
  std::uint64_t generation = 0;
  std::uint64_t next_sequence = 0;
  /// Changes that were in the log.
  std::uint64_t changes = 0;
  /// Relaxed puts that a power loss took, as far as something of them was left.
  std::uint64_t lost = 0;
  /// Sentences for the operator: what had been changed by hand and could not be made to agree.
  std::vector<std::string> notes;
};

/// Fails with `damaged` if records in the middle of the log are missing, or as the disk fails. May
/// be called again.
protocol::Result<Recovered> recover(storage::Storage& storage, storage::LogFiles& files);

}  // namespace sluice::broker::publisher
