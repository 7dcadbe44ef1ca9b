// The blocking face: each operation is started and waited for. Any thread. Read on:
// client/operations.hpp, client/async.cpp.
#include "sluice/client.hpp"

#include "client/operations.hpp"
#include "client/transfer/file_digest.hpp"
#include "client/transfer/streams.hpp"
#include "client/watcher.hpp"
#include "runtime/endpoint.hpp"

namespace sluice {

using client::now;
using client::Operations;
using client::value_of;

std::string version() {
  return SLUICE_VERSION;
}

void check_endpoint(const std::string& endpoint) {
  value_of(runtime::check_remote_endpoint(endpoint));
}

std::string digest_of_file(const std::string& path, const Call& call) {
  return protocol::to_hex(value_of(client::digest_of_file(path, call)));
}

Client::Client(Options options)
    : operations_(std::make_shared<Operations>(std::make_shared<client::Core>(options), "")) {}

Client::Client(std::shared_ptr<const Operations> operations) noexcept
    : operations_(std::move(operations)), owns_session_(false) {}

Client::Client(Client&& other) noexcept = default;

Client& Client::operator=(Client&& other) noexcept {
  const Client ended(std::move(*this));
  operations_ = std::move(other.operations_);
  owns_session_ = other.owns_session_;
  return *this;
}

Client::~Client() {
  if (operations_ && owns_session_) operations_->core().end();
}

Client Client::under(const Lock& lock) const {
  if (lock.token().empty())
    client::raise({protocol::Code::fenced, {}, "nothing is held by the lock that was given"});
  return Client(std::make_shared<Operations>(operations_->under(lock.token())));
}

AsyncClient Client::async() const noexcept {
  return AsyncClient(operations_);
}

Traffic Client::traffic() const noexcept {
  return operations_->core().connection->traffic();
}

ServerStatus Client::ping(const Call& call) {
  return now(operations_->ping(call));
}

// --- reading ---

Attributes Client::stat(const std::string& path, const Call& call) {
  return now(operations_->stat(path, call));
}

void Client::list(const std::string& path, const EntryPage& page, const Listing& listing,
                  const Call& call) {
  value_of(operations_->list(path, page, listing, call));
}

Attributes Client::get(const std::string& path, const Sink& sink, const Call& call) {
  return value_of(operations_->get(path, client::output_to(sink), call));
}

std::string Client::get_bytes(const std::string& path, const Call& call) {
  std::string all;
  value_of(operations_->get(path, client::output_to(all), call));
  return all;
}

Attributes Client::get_file(const std::string& path, const LocalFile& local, const Call& call) {
  return value_of(operations_->get_file(path, local, call));
}

Attributes Client::get_stream(const std::string& path, std::ostream& stream, const Call& call) {
  return value_of(operations_->get(path, client::output_to(stream), call));
}

Verification Client::verify(const std::string& path, const Call& call) {
  return value_of(operations_->verify(path, call));
}

void Client::get_many(const std::string& directory, const std::vector<std::string>& names,
                      const GotFiles& file, const Call& call) {
  value_of(operations_->get_many(directory, names, file, call));
}

void Client::get_files(const std::string& directory, const std::vector<std::string>& names,
                       const LocalDirectory& local, const MovedFiles& file, const Call& call) {
  value_of(operations_->get_files(directory, names, local, file, call));
}

// --- changing ---

std::uint64_t Client::put(const std::string& path, const Source& source, const Change& change,
                          const Call& call) {
  return value_of(operations_->put(path, *client::input_from(source), client::preserve_of(change),
                                   change, call));
}

std::uint64_t Client::put_bytes(const std::string& path, std::string_view bytes,
                                const Change& change, const Call& call) {
  return value_of(operations_->put(path, *client::input_from(bytes), client::preserve_of(change),
                                   change, call));
}

std::uint64_t Client::put_file(const std::string& path, const LocalFile& local,
                               const Change& change, const Call& call) {
  return value_of(operations_->put_file(path, local, change, call));
}

std::uint64_t Client::put_stream(const std::string& path, const Stream& stream,
                                 const Change& change, const Call& call) {
  return value_of(operations_->put_stream(path, stream, change, call));
}

std::uint64_t Client::put_stream(const std::string& path, std::istream& stream,
                                 const Change& change, const Call& call) {
  return put_stream(path, client::stream_from(stream), change, call);
}

std::vector<PutFile> Client::put_many(const std::string& directory,
                                      const std::vector<SmallFile>& files, const Change& change,
                                      const Call& call) {
  return value_of(operations_->put_many(directory, files, change, call));
}

void Client::put_files(const std::string& directory, const std::vector<std::string>& names,
                       const LocalDirectory& local, const MovedFiles& file, const Change& change,
                       const Call& call) {
  value_of(operations_->put_files(directory, names, local, file, change, call));
}

std::uint64_t Client::remove(const std::string& path, bool recursive, const Change& change,
                             const Call& call) {
  return now(operations_->remove(path, recursive, change, call));
}

std::uint64_t Client::rename(const std::string& path, const std::string& to_path,
                             const Change& change, const Call& call) {
  return now(operations_->rename(path, to_path, change, call));
}

std::uint64_t Client::copy(const std::string& path, const std::string& to_path,
                           const Change& change, const Call& call) {
  return now(operations_->copy(path, to_path, change, call));
}

std::uint64_t Client::make_directory(const std::string& path, bool parents, const Change& change,
                                     const Call& call) {
  return now(operations_->make_directory(path, parents, change, call));
}

std::uint64_t Client::set_attributes(const std::string& path, const Change& change,
                                     const Call& call) {
  return now(operations_->set_attributes(path, change, call));
}

// --- locks ---

Lock Client::acquire(const std::vector<Claim>& claims, const Acquire& how) {
  return now(operations_->acquire(claims, how));
}

NamedLock Client::acquire_named(const std::string& owner, const std::vector<Claim>& claims,
                                const Acquire& how) {
  return now(operations_->acquire_named(owner, claims, how));
}

std::chrono::milliseconds Client::renew(const std::string& token, const Call& call) {
  return now(operations_->renew(token, call));
}

void Client::upgrade(const std::string& token, const Upgrade& how) {
  now(operations_->upgrade(token, how));
}

void Client::downgrade(const std::string& token, const Call& call) {
  now(operations_->downgrade(token, call));
}

void Client::release(const std::string& token, const Call& call) {
  now(operations_->release(token, call));
}

void Client::break_lock(std::uint64_t number, const Call& call) {
  now(operations_->break_lock(number, call));
}

void Client::locks(const std::string& path, const LockPage& page, const Call& call) {
  value_of(operations_->locks(path, page, call));
}

// --- watching ---

Watcher Client::watch(const std::string& path, const Watching& watching, const Call& call) {
  Watching from = watching;
  if (!from.after) from.after = now(operations_->watch(path, from, {}, call)).next;
  return Watcher(std::unique_ptr<Watcher::Impl>(new Watcher::Impl{operations_, path, from}));
}

}  // namespace sluice
