// What a simulated client does: changes and reads of a few paths that others use too, and locks,
// well used and badly. See client.hpp.
#include "protocol/path.hpp"
#include "tests/sim/client.hpp"

namespace sluice::sim {

using protocol::Code;
using protocol::Type;
namespace limits = protocol::limits;

namespace {

// The refusals after which a change must never be seen.
bool is_final(Code code) {
  switch (code) {
    case Code::locked:
    case Code::wait_timeout:
    case Code::fenced:
    case Code::not_covered:
    case Code::lease_expired:
    case Code::exists:
    case Code::condition_failed:
    case Code::not_found:
    case Code::is_directory:
    case Code::not_directory:
    case Code::not_empty:
    case Code::deadlock:
      return true;
    default:
      return false;
  }
}

// Nobody remembers what became of a conversion: of a repeat for a lock that is gone by now, the
// first copy may have been done by the server before.
bool was_not_converted(Code code) {
  return is_final(code) && code != Code::fenced && code != Code::lease_expired;
}

protocol::ErrorReply error_of(const Message& reply) {
  return protocol::decode<protocol::ErrorReply>(reply.body).value_or(protocol::ErrorReply{});
}

// No dice of its own: seeds that once failed go on as they did.
protocol::Durability durability_of(const protocol::Digest& root) {
  return static_cast<protocol::Durability>(static_cast<unsigned char>(root[0]) % 3);
}

}  // namespace

void Client::work(unsigned operations) {
  left_ += operations;
  if (!std::exchange(thinking_, true)) think();
}

void Client::think() {
  if (left_ == 0) {
    thinking_ = false;
    return;
  }
  if (!dead() && !host_->paused() && under_way_ < settings_.requests_at_once) {
    --left_;
    ++under_way_;
    begin_one();
  }
  world_.after(world_.delay(ms, 150 * ms), [this] { think(); });
}

void Client::end_one() {
  if (under_way_ > 0) --under_way_;
}

void Client::begin_one() {
  if (world_.dice(settings_.locks_percent)) return world_.dice(90) ? lock() : look_at_locks();
  switch (world_.pick(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return put();
    case 4:
      return put_many();
    case 5:
    case 6:
      return upload();
    case 7:
    case 8:
    case 9:
    case 10:
      return get();
    case 11:
      return stat();
    case 12:
      return list();
    case 13:
    case 14:
      return remove();
    case 15:
    case 16:
      return rename();
    case 17:
      return make_directory();
    case 18:
      return copy();
    default:
      return set_attributes();
  }
}

// --- what to do it with ---

std::string Client::some_bytes() {
  std::string bytes = fmt::format("{} wrote {}\n", host_->name(), ++written_);
  bytes.append(world_.pick(200), static_cast<char>('a' + world_.pick(26)));
  return bytes;
}

protocol::Terms Client::some_terms(const std::string& path) {
  protocol::Terms terms;
  terms.agent = some_agent();
  if (world_.dice(30)) terms.wait_ms = static_cast<std::uint32_t>(1 + world_.pick(3000));
  if (world_.dice(10)) terms.if_absent = true;
  if (const auto seen = seen_versions_.find(path); seen != seen_versions_.end() && world_.dice(15))
    terms.if_version = seen->second;
  return terms;
}

template <protocol::Fields M>
void Client::change(const M& body, const std::string& path, Done then, std::string bytes) {
  const Micros asked = world_.now();
  const std::size_t recorded = machine_.histories.asks(body);
  ask(
      body, fmt::format("{} {}", protocol::name(M::type), path),
      [this, path, asked, recorded, then](const Message& reply) {
        check_change(reply, path, asked);
        if (reply.header.type != Type::error)
          machine_.histories.made(recorded);
        else if (is_final(error_of(reply).code))
          machine_.histories.refused(recorded);
        if (then) return then(reply);
        end_one();
      },
      std::move(bytes));
}

// --- changes ---

void Client::put() {
  protocol::Put put;
  put.path = some_file();
  std::string bytes = some_bytes();
  put.root = machine_.truth.contents.add(bytes);
  put.terms = some_terms(put.path);
  put.terms.durability = durability_of(put.root);
  if (world_.dice(10)) put.preserve.mode = 0600;
  change(
      put, put.path,
      [this, put](const Message& reply) {
        if (reply.header.type == Type::error && is_final(error_of(reply).code))
          machine_.truth.must_not_see(put.root);
        end_one();
      },
      std::move(bytes));
}

// Some files in one message, each a change of its own.
void Client::put_many() {
  struct One {
    protocol::Put put;
    std::size_t recorded = 0;
  };
  auto all = std::make_shared<std::vector<One>>();
  protocol::PutMany batch;
  batch.terms.agent = some_agent();
  batch.terms.if_absent = world_.dice(10);
  std::string payload;
  std::set<std::string> paths;
  for (std::uint64_t i = 1 + world_.pick(4); i > 0; --i) paths.insert(some_file());
  for (const std::string& path : paths) {
    const std::string bytes = some_bytes();
    One one{{path, machine_.truth.contents.add(bytes), {}, batch.terms}};
    if (all->empty()) batch.terms.durability = durability_of(one.put.root);
    one.recorded = machine_.histories.asks(one.put);
    batch.files.push_back({path, bytes.size(), one.put.root, {}});
    payload += bytes;
    all->push_back(std::move(one));
  }
  const Micros asked = world_.now();
  ask(
      batch, fmt::format("put_many {} files", all->size()),
      [this, all, asked](const Message& reply) {
        end_one();
        const auto done = protocol::decode<protocol::PutManyReply>(reply.body);
        if (reply.header.type == Type::error) return;
        if (!done || done->outcomes.size() != all->size())
          throw Violation{"a put_many_reply for other files"};
        for (std::size_t i = 0; i < all->size(); ++i) {
          const auto& [put, recorded] = (*all)[i];
          const protocol::PutOutcome& outcome = done->outcomes[i];
          if (outcome.code == 0) {
            acknowledged(put.path, outcome.version, asked);
            seen_versions_[put.path] = outcome.version;
            machine_.histories.made(recorded);
          } else if (is_final(static_cast<Code>(outcome.code))) {
            machine_.histories.refused(recorded);
            machine_.truth.must_not_see(put.root);
          }
        }
      },
      std::move(payload), 0, all->size());
}

void Client::upload() {
  auto bytes = std::make_shared<std::string>(some_bytes());
  if (world_.dice(settings_.large_percent))
    bytes->resize(limits::leaf_bytes + 1 + world_.pick(limits::leaf_bytes * 3 / 2), 'L');
  // No dice of its own: seeds that once failed go on as they did.
  if (bytes->size() % 4 == 0 && bytes->size() > limits::leaf_bytes)
    bytes->replace(limits::leaf_bytes, std::string::npos, bytes->size() - limits::leaf_bytes, '\0');
  auto commit = std::make_shared<protocol::WriteCommit>();
  SimSecrets secrets(world_);
  commit->upload = secrets.bytes(16);
  // No dice of its own: seeds that once failed go on as they did.
  commit->kept = commit->upload[0] % 4 == 0;
  commit->path = some_file();
  commit->size_bytes = bytes->size();
  commit->root = machine_.truth.contents.add(*bytes);
  commit->terms = some_terms(commit->path);
  commit->terms.durability = durability_of(commit->root);
  ask(protocol::WriteBegin{commit->upload, commit->path, commit->size_bytes, commit->kept},
      "write_begin " + commit->path, [this, commit, bytes](const Message& reply) {
        if (reply.header.type == Type::error) return end_one();
        upload_chunks(commit, bytes);
      });
}

void Client::upload_chunks(std::shared_ptr<protocol::WriteCommit> commit,
                           std::shared_ptr<std::string> bytes) {
  auto left =
      std::make_shared<std::size_t>((bytes->size() + limits::leaf_bytes - 1) / limits::leaf_bytes);
  auto failed = std::make_shared<bool>(false);
  const auto arrived = [this, commit, bytes, left, failed](const Message& reply) {
    *failed = *failed || reply.header.type == Type::error;
    if (--*left > 0) return;
    if (*failed || world_.dice(5)) {
      if (world_.dice(50)) return end_one();
      return ask(protocol::WriteAbort{commit->upload, commit->kept}, "write_abort",
                 [this](const Message&) { end_one(); });
    }
    change(*commit, commit->path, [this, commit](const Message& reply) {
      if (reply.header.type == Type::error && is_final(error_of(reply).code))
        machine_.truth.must_not_see(commit->root);
      end_one();
    });
  };
  for (std::size_t offset = 0; offset < bytes->size(); offset += limits::leaf_bytes) {
    const std::string part = bytes->substr(offset, limits::leaf_bytes);
    protocol::WriteChunk chunk{commit->upload, offset, protocol::leaves_of(part), commit->kept};
    if (part.find_first_not_of('\0') != std::string::npos) {
      ask(chunk, "write_chunk", arrived, part);
    } else {
      chunk.leaves.clear();
      chunk.zero_bytes = part.size();
      ask(chunk, "write_chunk of zeros", arrived);
    }
  }
}

void Client::remove() {
  protocol::Remove remove;
  remove.path = some_path();
  remove.recursive = world_.dice(30);
  remove.terms = some_terms(remove.path);
  change(remove, remove.path);
}

void Client::rename() {
  protocol::Rename rename;
  rename.path = some_path();
  rename.to_path = some_path();
  rename.terms = some_terms(rename.to_path);
  change(rename, rename.path);
}

void Client::make_directory() {
  protocol::MakeDirectory make;
  make.path = some_directory();
  make.parents = world_.dice(50);
  change(make, make.path);
}

void Client::copy() {
  protocol::Copy copy;
  copy.path = some_file();
  copy.to_path = some_file();
  copy.terms = some_terms(copy.to_path);
  change(copy, copy.to_path);
}

void Client::set_attributes() {
  protocol::SetAttributes set;
  set.path = some_file();
  set.preserve.mode = 0600 + static_cast<std::uint32_t>(world_.pick(64));
  change(set, set.path);
}

// --- reads ---

void Client::get() {
  const std::string path = some_file();
  const Micros asked = world_.now();
  // Without credit for the whole file there is a snapshot, however small the file.
  const std::uint32_t credit = world_.dice(70) ? limits::small_file_bytes : 1;
  ask(
      protocol::Get{path}, "get " + path,
      [this, path, asked](const Message& reply) {
        if (reply.header.type == Type::error) {
          check_missing(path, error_of(reply), asked);
          return end_one();
        }
        const auto opened = protocol::decode<protocol::GetReply>(reply.body);
        if (!opened) throw Violation{"a get_reply that cannot be read"};
        machine_.histories.saw(path, opened->attributes, asked);
        if (opened->snapshot.empty()) {
          check_read(path, *opened, std::string(reply.payload.text()), asked);
          return end_one();
        }
        // The version is settled; the bytes may come as late as they like.
        read(std::make_shared<std::string>(), *opened, path, asked);
      },
      {}, credit);
}

void Client::read(std::shared_ptr<std::string> bytes, protocol::GetReply opened, std::string path,
                  Micros asked) {
  ask(
      protocol::Read{opened.snapshot, bytes->size(), limits::leaf_bytes}, "read " + path,
      [this, bytes, opened, path, asked](const Message& reply) {
        if (reply.header.type == Type::error) return end_one();
        const auto piece = protocol::decode<protocol::ReadReply>(reply.body);
        if (!piece || protocol::leaves_of(reply.payload.bytes()) != piece->leaves)
          throw Violation{path + " was read in pieces with wrong digests"};
        bytes->append(reply.payload.text());
        const bool whole = bytes->size() >= opened.attributes.size_bytes;
        if (!whole && !reply.payload.empty()) return read(bytes, opened, path, asked);
        check_read(path, opened, *bytes, asked);
        if (world_.dice(20)) return end_one();  // forgets it; the sweep must not
        ask(protocol::ReadEnd{opened.snapshot}, "read_end " + path,
            [this](const Message&) { end_one(); });
      },
      {}, limits::leaf_bytes);
}

void Client::stat() {
  const std::string path = some_path();
  const Micros asked = world_.now();
  ask(protocol::Stat{path}, "stat " + path, [this, path, asked](const Message& reply) {
    if (reply.header.type == Type::error)
      check_missing(path, error_of(reply), asked);
    else
      check_stat(path, reply, asked);
    end_one();
  });
}

void Client::list() {
  const std::string path = world_.dice(50) ? "" : some_directory();
  const Micros asked = world_.now();
  protocol::List list;
  list.path = path;
  list.details = world_.dice(50);
  ask(list, "list " + path, [this, path, asked](const Message& reply) {
    if (reply.header.type == Type::error)
      check_missing(path, error_of(reply), asked);
    else
      check_list(path, reply, asked);
    end_one();
  });
}

// --- locks ---

void Client::look_at_locks() {
  ask(protocol::ListLocks{}, "list_locks", [this](const Message& reply) {
    const auto list = protocol::decode<protocol::ListLocksReply>(reply.body);
    if (reply.header.type == Type::error || !list || list->locks.empty() || !world_.dice(30))
      return end_one();
    const std::uint64_t number = list->locks[world_.pick(list->locks.size())].number;
    if (number == 0) return end_one();
    machine_.histories.breaks(number);
    ask(protocol::BreakLock{number}, fmt::format("break_lock {}", number),
        [this](const Message&) { end_one(); });
  });
}

void Client::lock() {
  protocol::AcquireLock acquire;
  const bool shared = world_.dice(40);
  for (std::uint64_t i = 1 + world_.pick(2); i > 0; --i) {
    const std::string path = some_path();
    acquire.claims.push_back({path, world_.dice(30), shared});
  }
  if (world_.dice(60)) acquire.wait_ms = static_cast<std::uint32_t>(1 + world_.pick(4000));
  if (world_.dice(20)) acquire.ttl_ms = static_cast<std::uint32_t>(500 + world_.pick(4000));
  if (world_.dice(15)) {
    acquire.owner = fmt::format("owner{}", world_.pick(3));
    acquire.ttl_ms = static_cast<std::uint32_t>(500 + world_.pick(6000));
  }
  auto held = std::make_shared<Held>();
  held->claims = acquire.claims;
  held->changes_left = static_cast<unsigned>(world_.pick(4));
  held->asked = world_.now();
  held->agent = acquire.agent = some_agent();
  ask(acquire,
      fmt::format("lock {}{}{}", acquire.claims[0].path, shared ? " shared" : "",
                  acquire.claims[0].tree ? " tree" : ""),
      [this, held](const Message& reply) { on_granted(held, reply); });
  if (acquire.wait_ms == 0 || !world_.dice(15)) return;
  const std::uint64_t handle = last_handle_;
  world_.after(world_.delay(ms, 2 * second), [this, handle, process = process_] {
    if (process != process_ || dead() || !asked_.contains(handle)) return;
    Message cancel =
        runtime::make_message({Port::application, {}}, protocol::Cancel{}, 0, {0, handle, 0});
    host_->arrive(*session_, std::move(cancel));
  });
}

void Client::on_granted(std::shared_ptr<Held> held, const Message& reply) {
  if (reply.header.type == Type::error) return end_one();
  const auto grant = protocol::decode<protocol::AcquireLockReply>(reply.body);
  const auto token = grant ? protocol::parse_token(grant->token) : std::nullopt;
  if (!token) throw Violation{"a grant without a token"};
  held->token = grant->token;
  held->number = token->number;
  machine_.locks.holds(session_number_, token->number, Time(reply.stamp.number),
                       Time(held->asked / ms));
  machine_.histories.granted(token->number, held->claims, held->asked);
  change_under(held);
}

void Client::convert(std::shared_ptr<Held> held) {
  protocol::ConvertLock request;
  request.token = held->token;
  request.shared = !held->claims[0].shared;
  request.agent = held->agent;
  if (world_.dice(60)) request.wait_ms = static_cast<std::uint32_t>(1 + world_.pick(3000));
  const std::size_t recorded = machine_.histories.converts(held->number, request.shared);
  ask(request, fmt::format("convert {} {}", held->number, request.shared ? "shared" : "exclusive"),
      [this, held, shared = request.shared, recorded](const Message& reply) {
        const bool done = reply.header.type != Type::error;
        if (done) machine_.histories.converted(recorded);
        if (!done && was_not_converted(error_of(reply).code))
          machine_.histories.not_converted(recorded);
        if (done)
          for (auto& claim : held->claims) claim.shared = shared;
        change_under(held);
      });
}

void Client::change_under(std::shared_ptr<Held> held) {
  if (held->changes_left == 0) return release(held);
  --held->changes_left;
  if (!held->old && world_.dice(20)) return convert(held);
  const auto& claim = held->claims[world_.pick(held->claims.size())];
  std::string path = world_.dice(80) ? claim.path : some_file();
  if (claim.tree && world_.dice(50)) path = protocol::join(claim.path, "x");
  const auto next = [this, held](const Message&) {
    // Some take their time.
    const Micros pause = world_.dice(10) ? world_.delay(0, 6 * second) : world_.delay(0, 20 * ms);
    world_.after(pause, [this, held, process = process_] {
      if (process == process_ && !dead()) change_under(held);
    });
  };
  if (world_.dice(70)) {
    protocol::Put put;
    put.path = path;
    std::string bytes = some_bytes();
    put.root = machine_.truth.contents.add(bytes);
    put.terms.token = held->token;
    return change(
        put, path,
        [this, put, next](const Message& reply) {
          if (reply.header.type == Type::error && is_final(error_of(reply).code))
            machine_.truth.must_not_see(put.root);
          next(reply);
        },
        std::move(bytes));
  }
  protocol::Remove remove;
  remove.path = path;
  remove.terms.token = held->token;
  change(remove, path, next);
}

void Client::release(std::shared_ptr<Held> held) {
  if (held->old || world_.dice(10)) return end_one();  // forgotten; it ends with the session
  if (world_.dice(20)) {
    ask(protocol::RenewLock{held->token}, "renew_lock", {});
  }
  machine_.locks.lets_go(held->number);
  machine_.histories.releases(held->number);
  ask(protocol::ReleaseLock{held->token}, fmt::format("release {}", held->number),
      [this, held](const Message& reply) {
        if (reply.header.type != Type::error) machine_.histories.released(held->number);
        if (!world_.dice(15)) return end_one();
        held->old = true;
        held->changes_left = 1;
        change_under(held);
      });
}

void Client::take_all(std::function<void()> done) {
  protocol::AcquireLock acquire;
  acquire.claims = {{"", true, false}};
  acquire.wait_ms = 60'000;
  ask(acquire, "lock of everything",
      [this, done, acquire, asked = world_.now()](const Message& reply) {
        if (reply.header.type == Type::error)
          throw Violation{fmt::format("nobody is left, and yet the tree cannot be locked: {}",
                                      error_of(reply).detail)};
        const auto grant = protocol::decode<protocol::AcquireLockReply>(reply.body);
        const std::uint64_t number = protocol::parse_token(grant->token)->number;
        machine_.histories.granted(number, acquire.claims, asked);
        protocol::Put put;
        put.path = settings_.files[0];
        std::string bytes = some_bytes();
        put.root = machine_.truth.contents.add(bytes);
        put.terms.token = grant->token;
        change(
            put, put.path,
            [this, grant, number, done](const Message&) {
              machine_.histories.releases(number);
              ask(protocol::ReleaseLock{grant->token}, "release of everything",
                  [this, number, done](const Message& reply) {
                    if (reply.header.type == Type::error) throw Violation{"the last lock was lost"};
                    machine_.histories.released(number);
                    done();
                  });
            },
            std::move(bytes));
      });
}

}  // namespace sluice::sim
