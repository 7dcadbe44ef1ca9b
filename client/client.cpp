// The public operations: each makes its message, waits for the answer and turns errors into
// exceptions. Any thread. Read on: client/pipeline.hpp, client/transfer/.
#include "sluice/client.hpp"

#include <pwd.h>
#include <unistd.h>

#include "client/convert.hpp"
#include "client/lock.hpp"
#include "client/pipeline.hpp"
#include "client/transfer/download.hpp"
#include "client/transfer/local_target.hpp"
#include "client/transfer/upload.hpp"
#include "protocol/path.hpp"
#include "protocol/token.hpp"
#include "runtime/secrets.hpp"

namespace sluice {

using client::Connection;
using client::Input;
using client::Pipeline;
using protocol::Code;
using protocol::Result;

namespace {

constexpr std::size_t name_bytes_max = 128;

std::string default_name() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found);
  const std::string user = found ? found->pw_name : std::to_string(geteuid());
  return user + "@" + host + ":" + std::to_string(getpid());
}

client::SessionConfig session_config(const Options& options) {
  client::SessionConfig config;
  config.secret = runtime::SystemSecrets().bytes(16);
  config.name = (options.name.empty() ? default_name() : options.name).substr(0, name_bytes_max);
  config.lease_ms = client::to_ms(options.lease, protocol::limits::lease_max_ms);
  config.connect_timeout = options.connect_timeout;
  config.reconnect_limit = options.reconnect_limit;
  return config;
}

}  // namespace

std::string version() {
  return SLUICE_VERSION;
}

struct Client::Impl {
  std::shared_ptr<Connection> connection;
  std::optional<std::chrono::milliseconds> patience;

  /// What is there, or the exception; an unreachable server is named.
  template <class T>
  T value_of(Result<T>&& result) const {
    if (!result && result.error().code == Code::unreachable && result.error().path.empty())
      result.error().path = connection->endpoint();
    return client::value_of(std::move(result));
  }

  /// A path that no server could accept goes nowhere.
  static const std::string& checked(const std::string& path) {
    client::value_of(protocol::check_path(path));
    return path;
  }

  template <class Reply, class M>
  Reply ask(const M& body, const Call& call, std::chrono::milliseconds more = {}) const {
    return value_of(Pipeline(*connection, call.stop, patience).ask<Reply>(body, more));
  }

  /// A lock that the server knows no more is lost.
  void note_failure(const Change& change, const protocol::Error& error) const {
    if (error.code == Code::fenced || error.code == Code::lease_expired)
      connection->held_locks().lose(change.token);
  }

  template <class Reply, class M>
  std::uint64_t change(const M& body, const Change& change, const Call& call) const {
    auto reply = Pipeline(*connection, call.stop, patience).ask<Reply>(body, change.wait);
    if (!reply) note_failure(change, reply.error());
    return value_of(std::move(reply)).version;
  }

  std::uint64_t upload(const std::string& path, Input& input, const protocol::Preserve& preserve,
                       const Change& change, const Call& call) const {
    auto stored = client::upload(*connection, {checked(path), preserve, client::terms_of(change)},
                                 input, call, patience);
    if (!stored) note_failure(change, stored.error());
    return value_of(std::move(stored));
  }

  Attributes download(const std::string& path, const client::Output& output,
                      const Call& call) const {
    return client::to_public(
        value_of(client::download(*connection, checked(path), output, call, patience)));
  }
};

Client::Client(Options options) : impl_(std::make_unique<Impl>()) {
  impl_->connection = client::value_of(Connection::open(options.endpoint, session_config(options)));
  impl_->patience = options.request_timeout;
}

Client::~Client() = default;

ServerStatus Client::ping(const Call& call) {
  // The connection is not part of the round trip.
  impl_->value_of(Pipeline(*impl_->connection, call.stop, impl_->patience).limits());
  const auto before = std::chrono::steady_clock::now();
  const auto pong = impl_->ask<protocol::Pong>(protocol::Ping{}, call);
  ServerStatus status;
  status.round_trip = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - before);
  if (const auto welcome = impl_->connection->welcome()) {
    status.server = welcome->server;
    status.protocol_version = welcome->version;
  }
  status.epoch = pong.epoch;
  status.jobs_under_way = pong.jobs_under_way;
  status.workers = pong.workers;
  return status;
}

// --- reading ---

Attributes Client::stat(const std::string& path, const Call& call) {
  const protocol::Stat body{Impl::checked(path)};
  return client::to_public(impl_->ask<protocol::StatReply>(body, call).attributes);
}

void Client::list(const std::string& path, const EntryPage& page, const Listing& listing,
                  const Call& call) {
  protocol::List body{
      .path = Impl::checked(path), .details = listing.details, .prefix = listing.prefix};
  std::vector<Entry> entries;
  do {
    const auto reply = impl_->ask<protocol::ListReply>(body, call);
    entries.clear();
    // A server that does not know of prefixes sends all names.
    for (const auto& entry : reply.entries)
      if (entry.name.starts_with(listing.prefix))
        entries.push_back({entry.name, client::to_public(entry.attributes)});
    if (!entries.empty()) page(entries);
    body.cookie = reply.next_cookie;
  } while (body.cookie != 0);
}

Attributes Client::get(const std::string& path, const Sink& sink, const Call& call) {
  const auto output = [&](std::uint64_t offset, std::string_view bytes) -> Result<void> {
    sink(offset, bytes);
    return {};
  };
  return impl_->download(path, output, call);
}

std::string Client::get_bytes(const std::string& path, const Call& call) {
  std::string all;
  get(
      path, [&](std::uint64_t, std::string_view bytes) { all += bytes; }, call);
  return all;
}

Attributes Client::get_file(const std::string& path, const LocalFile& local, const Call& call) {
  // The server is asked before anything is made here: most failures are about the path there.
  std::optional<client::LocalTarget> target;
  const auto open = [&]() -> Result<void> {
    if (target) return {};
    auto opened = client::LocalTarget::open(local);
    if (!opened) return tl::make_unexpected(opened.error());
    target.emplace(std::move(*opened));
    return {};
  };
  const auto output = [&](std::uint64_t, std::string_view bytes) -> Result<void> {
    if (auto opened = open(); !opened) return opened;
    return target->write(bytes);
  };
  const auto got =
      client::download(*impl_->connection, Impl::checked(path), output, call, impl_->patience);
  const auto attributes = impl_->value_of(Result<protocol::Attributes>(got));
  client::value_of(open());
  client::value_of(target->finish(attributes));
  return client::to_public(attributes);
}

// --- changing ---

std::uint64_t Client::put(const std::string& path, const Source& source, const Change& change,
                          const Call& call) {
  return impl_->upload(path, *client::input_from(source), client::preserve_of(change), change,
                       call);
}

std::uint64_t Client::put_bytes(const std::string& path, std::string_view bytes,
                                const Change& change, const Call& call) {
  return impl_->upload(path, *client::input_from(bytes), client::preserve_of(change), change, call);
}

std::uint64_t Client::put_file(const std::string& path, const LocalFile& local,
                               const Change& change, const Call& call) {
  Impl::checked(path);
  const client::LocalInput source = client::value_of(client::input_from(local, call));
  protocol::Preserve preserve = source.preserve;
  if (change.mode) preserve.mode = change.mode;
  if (change.mtime_ns) preserve.mtime_ns = change.mtime_ns;
  return impl_->upload(path, *source.input, preserve, change, call);
}

std::uint64_t Client::put_stream(const std::string& path, const Stream& stream,
                                 const Change& change, const Call& call) {
  Impl::checked(path);
  const auto source = client::value_of(client::input_from(stream, call));
  return impl_->upload(path, *source, client::preserve_of(change), change, call);
}

std::uint64_t Client::remove(const std::string& path, bool recursive, const Change& change,
                             const Call& call) {
  const protocol::Remove body{Impl::checked(path), recursive, client::terms_of(change)};
  return impl_->change<protocol::RemoveReply>(body, change, call);
}

std::uint64_t Client::rename(const std::string& path, const std::string& to_path,
                             const Change& change, const Call& call) {
  const protocol::Rename body{Impl::checked(path), Impl::checked(to_path),
                              client::terms_of(change)};
  return impl_->change<protocol::RenameReply>(body, change, call);
}

std::uint64_t Client::copy(const std::string& path, const std::string& to_path,
                           const Change& change, const Call& call) {
  const protocol::Copy body{Impl::checked(path), Impl::checked(to_path), client::terms_of(change)};
  return impl_->change<protocol::CopyReply>(body, change, call);
}

std::uint64_t Client::make_directory(const std::string& path, bool parents, const Change& change,
                                     const Call& call) {
  const protocol::MakeDirectory body{Impl::checked(path), parents, client::preserve_of(change),
                                     client::terms_of(change)};
  return impl_->change<protocol::MakeDirectoryReply>(body, change, call);
}

std::uint64_t Client::set_attributes(const std::string& path, const Change& change,
                                     const Call& call) {
  const protocol::SetAttributes body{Impl::checked(path), client::preserve_of(change),
                                     client::terms_of(change)};
  return impl_->change<protocol::SetAttributesReply>(body, change, call);
}

// --- locks ---

Lock Client::acquire(const std::vector<Claim>& claims, const Acquire& how) {
  if (claims.size() > protocol::limits::claims)
    client::raise({Code::too_large, {}, "a lock names up to 64 paths"});
  protocol::AcquireLock body;
  for (const Claim& claim : claims) Impl::checked(claim.path);
  body.claims = client::to_wire(claims);
  body.wait_ms = client::to_ms(how.wait, protocol::limits::wait_max_ms);
  body.ttl_ms = client::to_ms(how.ttl, protocol::limits::ttl_max_ms);
  Call call;
  call.stop = how.stop;
  const auto grant = impl_->ask<protocol::AcquireLockReply>(body, call, how.wait);
  auto lock = std::make_unique<Lock::Impl>();
  lock->connection = impl_->connection;
  lock->held = impl_->connection->held_locks().find(grant.token);
  if (!lock->held) {
    // The session was lost between the grant and now.
    lock->held = std::make_shared<client::HeldLock>(grant.token, runtime::Time(grant.ttl_ms),
                                                    runtime::Time(0));
    lock->held->lose();
  }
  if (const auto token = protocol::parse_token(grant.token)) lock->number = token->number;
  return Lock(std::move(lock));
}

void Client::locks(const std::string& path, const LockPage& page, const Call& call) {
  protocol::ListLocks body{Impl::checked(path), 0};
  std::vector<LockEntry> entries;
  do {
    const auto reply = impl_->ask<protocol::ListLocksReply>(body, call);
    entries.clear();
    for (const auto& entry : reply.locks) entries.push_back(client::to_public(entry));
    if (!entries.empty()) page(entries);
    body.after = reply.next_after;
  } while (body.after != 0);
}

}  // namespace sluice
