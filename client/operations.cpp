// What runs on the connection's thread holds no share of the core: the last one must not end there.
#include "client/operations.hpp"

#include "client/path_request.hpp"
#include "client/transfer/local_download.hpp"
#include "client/transfer/streams.hpp"
#include "client/transfer/verify.hpp"

namespace sluice::client {

using protocol::Result;
using runtime::Message;
using std::chrono::milliseconds;

namespace {

/// The number of the commit.
template <class Reply>
Start<std::uint64_t> commit(Core& core, Paths paths, Message message, const protocol::Terms& terms,
                            const std::stop_token& stop) {
  auto start =
      send<Reply>(core, std::move(paths), std::move(message), stop, milliseconds(terms.wait_ms));
  return [start = std::move(start), &connection = *core.connection,
          token = terms.token](Done<std::uint64_t> done) {
    start([&connection, token, done = std::move(done)](Result<Reply>&& reply) {
      if (reply) return done(reply->version);
      note_failure(connection, token, reply.error());
      done(tl::make_unexpected(std::move(reply.error())));
    });
  };
}

template <class Reply, class M>
Start<std::uint64_t> change(Core& core, Paths paths, const M& body, const Call& call) {
  return commit<Reply>(core, std::move(paths), runtime::make_message({}, body), body.terms,
                       call.stop);
}

// A large file whose snapshot was lost on the way is opened anew so often.
constexpr int get_attempts = 5;

Call stopped_by(const std::stop_token& stop) {
  Call call;
  call.stop = stop;
  return call;
}

/// A small file that is not what was sent is sent once more: it was damaged on the way.
Start<std::uint64_t> commit_small(Core& core, const UploadRequest& request,
                                  const protocol::Payload& bytes, const std::stop_token& stop) {
  return [=, &core](Done<std::uint64_t> done) {
    const auto try_it = [=, &core] {
      return commit<protocol::PutReply>(core, {request.path}, put_message(request, bytes),
                                        request.terms, stop);
    };
    try_it()([=](Result<std::uint64_t>&& version) {
      if (version || version.error().code != protocol::Code::digest_mismatch)
        return done(std::move(version));
      try_it()(done);
    });
  };
}

/// On a thread of the core's, where it may block.
void run_later(Core& core, const std::stop_token& stop, std::function<void(const Call&)> work) {
  core.threads.run([&core, stop, work = std::move(work)] {
    const EitherStop either(stop, core.threads.stop());
    work(stopped_by(either.token()));
  });
}

/// The bytes of a file; on a thread of the core's if it is large.
void get_from(Core& core, const std::string& path, const std::stop_token& stop, int attempt,
              const Done<std::string>& done) {
  Connection& connection = *core.connection;
  open_download(connection, path, stop,
                core.patience)([=, &core, &connection](Result<Opened>&& opened) {
    if (!opened) return done(named(std::move(opened.error()), path, connection));
    const bool is_whole = opened->is_whole;
    const auto finish = [=, &core, &connection](Opened&& rest, const Call& call) {
      std::string all;
      auto got =
          finish_download(connection, path, std::move(rest), output_to(all), call, core.patience);
      if (got) return done(std::move(all));
      // Chunks of a large one were asked for again already.
      if (is_whole && got.error().code == protocol::Code::damaged && attempt < damaged_attempts)
        return get_from(core, path, stop, attempt + 1, done);
      done(named(std::move(got.error()), path, connection));
    };
    if (is_whole) return finish(std::move(*opened), stopped_by(stop));
    const auto rest = std::make_shared<Opened>(std::move(*opened));
    run_later(core, stop, [finish, rest](const Call& call) { finish(std::move(*rest), call); });
  });
}

}  // namespace

Operations Operations::unowned() const {
  return {std::shared_ptr<Core>(std::shared_ptr<void>(), core_.get()), token_};
}

protocol::Terms Operations::terms(const Change& change) const {
  protocol::Terms terms = terms_of(change);
  if (terms.token.empty()) terms.token = token_;
  return terms;
}

Start<ServerStatus> Operations::ping(const Call& call) const {
  return [core = core_.get(), stop = call.stop](Done<ServerStatus> done) {
    // The connection is not part of the round trip.
    ask_limits(*core->connection, stop, core->patience)([=](Result<ServerLimits>&& reached) {
      Connection& connection = *core->connection;
      if (!reached) return done(named(std::move(reached.error()), {}, connection));
      const auto before = std::chrono::steady_clock::now();
      request<protocol::Pong>(*core, {}, protocol::Ping{},
                              stop)([=](Result<protocol::Pong>&& pong) {
        if (!pong) return done(tl::make_unexpected(std::move(pong.error())));
        ServerStatus status;
        status.round_trip = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - before);
        if (const auto welcome = core->connection->welcome()) {
          status.server = welcome->server;
          status.protocol_version = welcome->version;
        }
        status.epoch = pong->epoch;
        status.jobs_under_way = pong->jobs_under_way;
        status.workers = pong->workers;
        done(std::move(status));
      });
    });
  };
}

// --- reading ---

Start<Attributes> Operations::stat(const std::string& path, const Call& call) const {
  auto start = request<protocol::StatReply>(*core_, {path}, protocol::Stat{path}, call.stop);
  return [start = std::move(start)](Done<Attributes> done) {
    start([done = std::move(done)](Result<protocol::StatReply>&& reply) {
      if (!reply) return done(tl::make_unexpected(std::move(reply.error())));
      done(to_public(reply->attributes));
    });
  };
}

Result<void> Operations::list(const std::string& path, const EntryPage& page,
                              const Listing& listing, const Call& call) const {
  protocol::List body{.path = path, .details = listing.details, .prefix = listing.prefix};
  std::vector<Entry> entries;
  do {
    const auto reply = wait_for(request<protocol::ListReply>(*core_, {path}, body, call.stop));
    if (!reply) return tl::make_unexpected(reply.error());
    entries.clear();
    // A server that does not know of prefixes sends all names.
    for (const auto& entry : reply->entries)
      if (entry.name.starts_with(listing.prefix))
        entries.push_back({entry.name, to_public(entry.attributes)});
    if (!entries.empty()) page(entries);
    body.cookie = reply->next_cookie;
  } while (body.cookie != 0);
  return {};
}

Start<std::string> Operations::get_bytes(const std::string& path, const Call& call) const {
  return [core = core_.get(), path, stop = call.stop](Done<std::string> done) {
    if (auto checked = check({path}); !checked)
      return done(tl::make_unexpected(std::move(checked.error())));
    get_from(*core, path, stop, 1, done);
  };
}

Result<Attributes> Operations::get(const std::string& path, const Output& output,
                                   const Call& call) const {
  Connection& connection = *core_->connection;
  if (auto checked = check({path}); !checked) return tl::make_unexpected(checked.error());
  auto got = download(connection, path, output, call, core_->patience);
  if (!got) return named(std::move(got.error()), path, connection);
  return to_public(*got);
}

Result<Attributes> Operations::get_file(const std::string& path, const LocalFile& local,
                                        const Call& call) const {
  if (auto checked = check({path}); !checked) return tl::make_unexpected(checked.error());
  for (int attempt = 1;; ++attempt) {
    LocalDownload file(local, path, call);
    const auto output = [&](std::uint64_t offset, std::string_view bytes) {
      return file.write(offset, bytes);
    };
    auto got = download(*core_->connection, path, output, call, core_->patience, &file);
    if (got) {
      const Attributes attributes = to_public(*got);
      if (auto kept = file.finish(attributes); !kept) return tl::make_unexpected(kept.error());
      return attributes;
    }
    file.keep_after(got.error());
    // The session was away for too long: what is here counts again if the version is the same.
    if (got.error().code != protocol::Code::snapshot_gone || attempt == get_attempts)
      return named(std::move(got.error()), path, *core_->connection);
  }
}

Result<Verification> Operations::verify(const std::string& path, const Call& call) const {
  Connection& connection = *core_->connection;
  if (auto checked = check({path}); !checked) return tl::make_unexpected(checked.error());
  return named(client::verify(connection, path, call, core_->patience), path, connection);
}

// --- changing ---

Start<std::uint64_t> Operations::remove(const std::string& path, bool recursive,
                                        const Change& change, const Call& call) const {
  return client::change<protocol::RemoveReply>(
      *core_, {path}, protocol::Remove{path, recursive, terms(change)}, call);
}

Start<std::uint64_t> Operations::rename(const std::string& path, const std::string& to_path,
                                        const Change& change, const Call& call) const {
  return client::change<protocol::RenameReply>(
      *core_, {path, to_path}, protocol::Rename{path, to_path, terms(change)}, call);
}

Start<std::uint64_t> Operations::copy(const std::string& path, const std::string& to_path,
                                      const Change& change, const Call& call) const {
  return client::change<protocol::CopyReply>(*core_, {path, to_path},
                                             protocol::Copy{path, to_path, terms(change)}, call);
}

Start<std::uint64_t> Operations::make_directory(const std::string& path, bool parents,
                                                const Change& change, const Call& call) const {
  return client::change<protocol::MakeDirectoryReply>(
      *core_, {path}, protocol::MakeDirectory{path, parents, preserve_of(change), terms(change)},
      call);
}

Start<std::uint64_t> Operations::set_attributes(const std::string& path, const Change& change,
                                                const Call& call) const {
  return client::change<protocol::SetAttributesReply>(
      *core_, {path}, protocol::SetAttributes{path, preserve_of(change), terms(change)}, call);
}

Start<std::uint64_t> Operations::put_bytes(const std::string& path, std::string bytes,
                                           const Change& change, const Call& call) const {
  return [core = core_.get(), self = unowned(), path, change, stop = call.stop,
          bytes = std::make_shared<const std::string>(std::move(bytes))](Done<std::uint64_t> done) {
    if (auto checked = check({path}); !checked)
      return done(tl::make_unexpected(std::move(checked.error())));
    ask_limits(*core->connection, stop, core->patience)([=](Result<ServerLimits>&& limits) {
      if (!limits) return done(named(std::move(limits.error()), path, *core->connection));
      if (bytes->size() > limits->small_file_bytes)
        return run_later(*core, stop, [=](const Call& call) {
          done(self.put(path, *input_from(*bytes), preserve_of(change), change, call));
        });
      const UploadRequest request{path, preserve_of(change), self.terms(change)};
      commit_small(*core, request, protocol::Payload(bytes, bytes->data(), bytes->size()),
                   stop)(done);
    });
  };
}

Result<std::uint64_t> Operations::put(const std::string& path, Input& input,
                                      const protocol::Preserve& preserve, const Change& change,
                                      const Call& call) const {
  if (auto checked = check({path}); !checked) return tl::make_unexpected(checked.error());
  return put({path, preserve, terms(change)}, input, call);
}

Result<std::uint64_t> Operations::put(const UploadRequest& request, Input& input,
                                      const Call& call) const {
  Connection& connection = *core_->connection;
  auto stored = upload(connection, request, input, call, core_->patience);
  if (stored) return stored;
  note_failure(connection, request.terms.token, stored.error());
  return named(std::move(stored.error()), request.path, connection);
}

Result<std::uint64_t> Operations::put_file(const std::string& path, const LocalFile& local,
                                           const Change& change, const Call& call) const {
  if (auto checked = check({path}); !checked) return tl::make_unexpected(checked.error());
  auto source = input_from(local, call);
  if (!source) return named(std::move(source.error()), path, *core_->connection);
  protocol::Preserve preserve = source->preserve;
  if (change.mode) preserve.mode = change.mode;
  if (change.mtime_ns) preserve.mtime_ns = change.mtime_ns;
  UploadRequest request{path, preserve, terms(change)};
  if (!source->origin.empty())
    request.resume_key = source->origin + '\0' + core_->connection->endpoint() + '\0' + path;
  request.delta = local.delta;
  return put(request, *source->input, call);
}

Result<std::uint64_t> Operations::put_stream(const std::string& path, const Stream& stream,
                                             const Change& change, const Call& call) const {
  if (auto checked = check({path}); !checked) return tl::make_unexpected(checked.error());
  const auto source = input_from(stream, call);
  if (!source) return named(protocol::Error(source.error()), path, *core_->connection);
  return put(path, **source, preserve_of(change), change, call);
}

// --- watching ---

Start<Events> Operations::watch(const std::string& path, const Watching& watching,
                                milliseconds wait, const Call& call) const {
  const protocol::Watch body{path, watching.recursive, watching.after,
                             to_ms(wait, protocol::limits::wait_max_ms)};
  auto start =
      request<protocol::WatchReply>(*core_, {path}, body, call.stop, milliseconds(body.wait_ms));
  return [start = std::move(start)](Done<Events> done) {
    start([done = std::move(done)](Result<protocol::WatchReply>&& reply) {
      if (!reply) return done(tl::make_unexpected(std::move(reply.error())));
      done(to_public(std::move(*reply)));
    });
  };
}

}  // namespace sluice::client
