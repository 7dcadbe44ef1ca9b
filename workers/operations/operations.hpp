// All operations, one file each.
#pragma once

#include <optional>
#include <vector>

#include "runtime/actor.hpp"
#include "workers/operations/operation.hpp"

namespace sluice::workers::operations {

Result<Ending> stat(const Job& job);
Result<Ending> list(const Job& job);
Result<Ending> get(const Job& job);
/// The answer to a `get` of a small file that is in memory; none if a worker has to look.
std::optional<Answer> get_cached(const runtime::Message& request, storage::SmallFiles& files,
                                 runtime::Time now);
Result<Ending> get_many(const Job& job);
Result<Ending> read(const Job& job);
Result<Ending> read_end(const Job& job);
Result<Ending> read_leaves(const Job& job);
Result<Ending> verify(const Job& job);

Result<Ending> put(const Job& job);
/// One change, or what is wrong with it, for each file of a `put_many`.
Result<std::vector<Result<Change>>> put_many(const Job& job);
Result<Ending> write_begin(const Job& job);
Result<Ending> write_chunk(const Job& job);
Result<Ending> write_status(const Job& job);
Result<Ending> write_reuse(const Job& job);
Result<Ending> write_commit(const Job& job);
Result<Ending> write_abort(const Job& job);

Result<Ending> remove(const Job& job);
Result<Ending> rename(const Job& job);
Result<Ending> copy(const Job& job);
Result<Ending> make_directory(const Job& job);
Result<Ending> set_attributes(const Job& job);

Result<Ending> sweep(const Job& job);

}  // namespace sluice::workers::operations
