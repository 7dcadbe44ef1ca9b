// The face with futures. What is one message each way needs no thread; all else runs on those of
// the core. Read on: client/operations.hpp.
#include <istream>
#include <ostream>

#include "client/agent.hpp"
#include "client/lock.hpp"
#include "client/operations.hpp"
#include "client/transfer/streams.hpp"

namespace sluice {

using client::later;
using client::Operations;

namespace {

/// Does blocking work for a future. Its Call stops with the Client too.
template <class T>
std::future<T> on_thread(const Operations& operations, const Call& call,
                         std::function<T(const Operations&, const Call&)> work) {
  // What runs there is waited for by the core, and must not hold it.
  client::Core& core = operations.core();
  const auto task = std::make_shared<std::packaged_task<T()>>(
      [&core, call, operations = operations.unowned(), work = std::move(work)] {
        const client::EitherStop stop(call.stop, core.threads.stop());
        return work(operations, {stop.token(), call.progress});
      });
  auto result = task->get_future();
  core.threads.run([task] { (*task)(); });
  return result;
}

/// How a change, a lock or an upgrade is asked for, as an agent of its own: whoever holds the
/// future need not wait for it.
template <class How>
How apart(How how) {
  if (!how.agent) how.agent = client::new_agent();
  return how;
}

}  // namespace

AsyncClient::AsyncClient(std::shared_ptr<const Operations> operations) noexcept
    : operations_(std::move(operations)) {}

std::future<ServerStatus> AsyncClient::ping(const Call& call) const {
  return later(operations_->ping(call));
}

// --- reading ---

std::future<Attributes> AsyncClient::stat(const std::string& path, const Call& call) const {
  return later(operations_->stat(path, call));
}

std::future<std::vector<Entry>> AsyncClient::list(const std::string& path, const Listing& listing,
                                                  const Call& call) const {
  return on_thread<std::vector<Entry>>(
      *operations_, call, [=](const Operations& operations, const Call& stopping) {
        std::vector<Entry> all;
        const auto page = [&](const std::vector<Entry>& entries) {
          all.insert(all.end(), entries.begin(), entries.end());
        };
        client::value_of(operations.list(path, page, listing, stopping));
        return all;
      });
}

std::future<Attributes> AsyncClient::get(const std::string& path, Sink sink,
                                         const Call& call) const {
  return on_thread<Attributes>(
      *operations_, call,
      [path, sink = std::move(sink)](const Operations& operations, const Call& stopping) {
        return client::value_of(operations.get(path, client::output_to(sink), stopping));
      });
}

std::future<std::string> AsyncClient::get_bytes(const std::string& path, const Call& call) const {
  if (!call.progress) return later(operations_->get_bytes(path, call));
  return on_thread<std::string>(
      *operations_, call, [path](const Operations& operations, const Call& stopping) {
        std::string all;
        client::value_of(operations.get(path, client::output_to(all), stopping));
        return all;
      });
}

std::future<Attributes> AsyncClient::get_file(const std::string& path, const LocalFile& local,
                                              const Call& call) const {
  return on_thread<Attributes>(
      *operations_, call, [=](const Operations& operations, const Call& stopping) {
        return client::value_of(operations.get_file(path, local, stopping));
      });
}

std::future<Attributes> AsyncClient::get_stream(const std::string& path, std::ostream& stream,
                                                const Call& call) const {
  return on_thread<Attributes>(
      *operations_, call, [path, &stream](const Operations& operations, const Call& stopping) {
        return client::value_of(operations.get(path, client::output_to(stream), stopping));
      });
}

std::future<Verification> AsyncClient::verify(const std::string& path, const Call& call) const {
  return on_thread<Verification>(*operations_, call,
                                 [path](const Operations& operations, const Call& stopping) {
                                   return client::value_of(operations.verify(path, stopping));
                                 });
}

// --- changing ---

std::future<std::uint64_t> AsyncClient::put(const std::string& path, Source source,
                                            const Change& change, const Call& call) const {
  return on_thread<std::uint64_t>(
      *operations_, call,
      [path, change, source = std::move(source)](const Operations& operations,
                                                 const Call& stopping) {
        return client::value_of(operations.put(path, *client::input_from(source),
                                               client::preserve_of(change), change, stopping));
      });
}

std::future<std::uint64_t> AsyncClient::put_bytes(const std::string& path, std::string bytes,
                                                  const Change& change, const Call& call) const {
  if (!call.progress)
    return later(operations_->put_bytes(path, std::move(bytes), apart(change), call));
  return on_thread<std::uint64_t>(
      *operations_, call,
      [path, change, bytes = std::move(bytes)](const Operations& operations, const Call& stopping) {
        return client::value_of(operations.put(path, *client::input_from(bytes),
                                               client::preserve_of(change), change, stopping));
      });
}

std::future<std::uint64_t> AsyncClient::put_file(const std::string& path, const LocalFile& local,
                                                 const Change& change, const Call& call) const {
  return on_thread<std::uint64_t>(
      *operations_, call, [=](const Operations& operations, const Call& stopping) {
        return client::value_of(operations.put_file(path, local, change, stopping));
      });
}

std::future<std::uint64_t> AsyncClient::put_stream(const std::string& path, Stream stream,
                                                   const Change& change, const Call& call) const {
  return on_thread<std::uint64_t>(
      *operations_, call,
      [path, change, stream = std::move(stream)](const Operations& operations,
                                                 const Call& stopping) {
        return client::value_of(operations.put_stream(path, stream, change, stopping));
      });
}

std::future<std::uint64_t> AsyncClient::put_stream(const std::string& path, std::istream& stream,
                                                   const Change& change, const Call& call) const {
  return put_stream(path, client::stream_from(stream), change, call);
}

std::future<std::uint64_t> AsyncClient::remove(const std::string& path, bool recursive,
                                               const Change& change, const Call& call) const {
  return later(operations_->remove(path, recursive, apart(change), call));
}

std::future<std::uint64_t> AsyncClient::rename(const std::string& path, const std::string& to_path,
                                               const Change& change, const Call& call) const {
  return later(operations_->rename(path, to_path, apart(change), call));
}

std::future<std::uint64_t> AsyncClient::copy(const std::string& path, const std::string& to_path,
                                             const Change& change, const Call& call) const {
  return later(operations_->copy(path, to_path, apart(change), call));
}

std::future<std::uint64_t> AsyncClient::make_directory(const std::string& path, bool parents,
                                                       const Change& change,
                                                       const Call& call) const {
  return later(operations_->make_directory(path, parents, apart(change), call));
}

std::future<std::uint64_t> AsyncClient::set_attributes(const std::string& path,
                                                       const Change& change,
                                                       const Call& call) const {
  return later(operations_->set_attributes(path, apart(change), call));
}

// --- locks ---

std::future<Lock> AsyncClient::acquire(const std::vector<Claim>& claims, const Acquire& how) const {
  return later(operations_->acquire(claims, apart(how)));
}

std::future<void> AsyncClient::release(Lock lock) const {
  const auto given_back = std::exchange(lock.impl_, nullptr);
  if (!given_back) return later<void>([](client::Done<void> done) { done({}); });
  return later(given_back->release());
}

std::future<NamedLock> AsyncClient::acquire_named(const std::string& owner,
                                                  const std::vector<Claim>& claims,
                                                  const Acquire& how) const {
  return later(operations_->acquire_named(owner, claims, apart(how)));
}

std::future<std::chrono::milliseconds> AsyncClient::renew(const std::string& token,
                                                          const Call& call) const {
  return later(operations_->renew(token, call));
}

std::future<void> AsyncClient::upgrade(const std::string& token, const Upgrade& how) const {
  return later(operations_->upgrade(token, apart(how)));
}

std::future<void> AsyncClient::downgrade(const std::string& token, const Call& call) const {
  return later(operations_->downgrade(token, call));
}

std::future<void> AsyncClient::release(const std::string& token, const Call& call) const {
  return later(operations_->release(token, call));
}

std::future<void> AsyncClient::break_lock(std::uint64_t number, const Call& call) const {
  return later(operations_->break_lock(number, call));
}

std::future<std::vector<LockEntry>> AsyncClient::locks(const std::string& path,
                                                       const Call& call) const {
  return on_thread<std::vector<LockEntry>>(
      *operations_, call, [path](const Operations& operations, const Call& stopping) {
        std::vector<LockEntry> all;
        const auto page = [&](const std::vector<LockEntry>& locks) {
          all.insert(all.end(), locks.begin(), locks.end());
        };
        client::value_of(operations.locks(path, page, stopping));
        return all;
      });
}

// --- watching ---

std::future<Events> AsyncClient::watch(const std::string& path, const Watching& watching,
                                       std::chrono::milliseconds wait, const Call& call) const {
  return later(operations_->watch(path, watching, wait, call));
}

}  // namespace sluice
