// Serves whatever has been asked for, in one batch after the other.
#include "tests/unit/client/fake_server.hpp"

#include <algorithm>

#include "protocol/limits.hpp"

namespace sluice::tests {

using protocol::Code;
using protocol::Type;
using runtime::make_error;
using runtime::make_reply;
using runtime::Message;

namespace {

constexpr std::size_t leaf_bytes = protocol::limits::leaf_bytes;
constexpr std::size_t digest_bytes = sizeof(protocol::Digest);

template <class M>
M body_of(const Message& message) {
  return protocol::decode<M>(message.body).value();
}

protocol::Digest root_of_bytes(const std::string& bytes) {
  return protocol::root_of(protocol::leaves_of(bytes));
}

}  // namespace

FakeServer::FakeServer() : thread_([this] { run(); }) {}

FakeServer::~FakeServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::uint64_t FakeServer::submit(Message request, Answer answer) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back({++last_handle_, std::move(request), std::move(answer)});
  std::size_t bytes = 0;
  for (const Job& job : jobs_) {
    bytes += job.request.payload.size();
    if (job.request.header.type == Type::read) bytes += job.request.header.credit_bytes;
  }
  most_bytes_at_once = std::max(most_bytes_at_once, bytes);
  changed_.notify_all();
  return last_handle_;
}

void FakeServer::cancel(std::uint64_t handle) {
  const std::lock_guard lock(mutex_);
  ++cancelled;
  for (auto job = unanswered_.begin(); job != unanswered_.end(); ++job)
    if (job->handle == handle) {
      job->answer(make_error(job->request, {Code::cancelled, {}, {}}));
      unanswered_.erase(job);
      return;
    }
}

std::optional<client::ServerLimits> FakeServer::limits() const {
  const std::lock_guard lock(mutex_);
  if (!welcomed) return std::nullopt;
  return granted;
}

void FakeServer::settle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.empty() && !serving_; });
}

void FakeServer::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (jobs_.empty()) {
      changed_.wait(lock);
      continue;
    }
    // Let the asker fill its window.
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    lock.lock();
    std::vector<Job> batch;
    batch.swap(jobs_);
    std::reverse(batch.begin(), batch.end());
    serving_ = true;
    for (Job& job : batch) {
      ++seen[job.request.header.type];
      const auto error = fault ? fault(job.request) : std::nullopt;
      const bool is_bounded = job.request.stamp.number > 0;
      if (error && error->code == Code{} && !is_bounded) {
        unanswered_.push_back(std::move(job));
        continue;
      }
      Message reply = error ? make_error(job.request, *error) : serve(job.request);
      if (error && error->code == Code{})
        reply = make_error(job.request, {Code::timed_out, {}, {}});
      if (tamper) tamper(reply);
      lock.unlock();
      job.answer(std::move(reply));
      lock.lock();
    }
    serving_ = false;
    changed_.notify_all();
  }
}

std::uint64_t FakeServer::store(const std::string& path, std::string bytes,
                                const protocol::Preserve& preserve, const protocol::Terms& terms) {
  files[path] = {std::move(bytes), ++last_version_, preserve, terms};
  return last_version_;
}

Message FakeServer::serve(const Message& request) {
  switch (request.header.type) {
    case Type::ping:
      welcomed = true;
      return make_reply(request, protocol::Pong{});
    case Type::list_locks:
      return make_reply(request, protocol::ListLocksReply{locks, 0});
    case Type::stat: {
      const auto found = files.find(body_of<protocol::Stat>(request).path);
      if (found == files.end()) return make_error(request, {Code::not_found, {}, {}});
      protocol::StatReply reply;
      reply.attributes.version = found->second.version;
      return make_reply(request, reply);
    }
    case Type::get:
    case Type::read:
    case Type::read_end:
      return serve_download(request);
    case Type::verify:
      return serve_verify(request);
    default:
      return serve_upload(request);
  }
}

Message FakeServer::serve_upload(const Message& request) {
  switch (request.header.type) {
    case Type::put: {
      const auto put = body_of<protocol::Put>(request);
      std::string bytes(request.payload.text());
      if (root_of_bytes(bytes) != put.root)
        return make_error(request, {Code::digest_mismatch, put.path, {}});
      return make_reply(
          request, protocol::PutReply{store(put.path, std::move(bytes), put.preserve, put.terms)});
    }
    case Type::write_begin: {
      const auto begin = body_of<protocol::WriteBegin>(request);
      zero_bytes_announced = begin.zero_bytes;
      if (!uploads.contains(begin.upload)) {
        uploads[begin.upload] = std::string(begin.size_bytes, '\0');
        arrived[begin.upload] =
            std::string(protocol::leaf_count(begin.size_bytes, leaf_bytes) * digest_bytes, '\0');
      }
      return make_reply(request, protocol::WriteBeginReply{});
    }
    case Type::write_chunk: {
      const auto chunk = body_of<protocol::WriteChunk>(request);
      chunk_durabilities.push_back(chunk.durability);
      const auto found = uploads.find(chunk.upload);
      if (found == uploads.end()) return make_error(request, {Code::unknown_upload, {}, {}});
      // One that does not know of zeros finds a chunk of no bytes.
      if (request.payload.empty() && !takes_zeros)
        return make_error(request, {Code::bad_message, {}, {}});
      if (chunk.zero_bytes > 0) {
        zero_bytes_got += chunk.zero_bytes;
        store_leaves(chunk.upload, chunk.offset_bytes, std::string(chunk.zero_bytes, '\0'));
        return make_reply(request, protocol::WriteChunkReply{});
      }
      if (protocol::leaves_of(request.payload.bytes()) != chunk.leaves)
        return make_error(request, {Code::digest_mismatch, {}, {}});
      chunk_bytes_got += request.payload.size();
      store_leaves(chunk.upload, chunk.offset_bytes, request.payload.text());
      return make_reply(request, protocol::WriteChunkReply{});
    }
    case Type::write_commit: {
      const auto commit = body_of<protocol::WriteCommit>(request);
      const auto found = uploads.find(commit.upload);
      if (found == uploads.end()) return make_error(request, {Code::unknown_upload, {}, {}});
      if (root_of_bytes(found->second) != commit.root)
        return make_error(request, {Code::digest_mismatch, {}, {}});
      const auto version =
          store(commit.path, std::move(found->second), commit.preserve, commit.terms);
      uploads.erase(found);
      return make_reply(request, protocol::WriteCommitReply{version});
    }
    case Type::write_abort:
      uploads.erase(body_of<protocol::WriteAbort>(request).upload);
      return make_reply(request, protocol::WriteAbortReply{});
    default:
      return serve_resume(request);
  }
}

void FakeServer::store_leaves(const std::string& upload, std::uint64_t offset,
                              std::string_view bytes) {
  uploads[upload].replace(offset, bytes.size(), bytes);
  const std::string leaves = protocol::leaves_of(bytes);
  arrived[upload].replace(offset / leaf_bytes * digest_bytes, leaves.size(), leaves);
}

Message FakeServer::serve_resume(const Message& request) {
  switch (request.header.type) {
    case Type::write_status: {
      const auto status = body_of<protocol::WriteStatus>(request);
      const auto found = uploads.find(status.upload);
      if (found == uploads.end()) return make_error(request, {Code::unknown_upload, {}, {}});
      protocol::WriteStatusReply reply;
      reply.size_bytes = found->second.size();
      // A page of two leaves, so that there are several.
      reply.leaves = {arrived[status.upload].substr(status.offset_bytes / leaf_bytes * digest_bytes,
                                                    2 * digest_bytes)};
      return make_reply(request, reply);
    }
    case Type::write_reuse: {
      const auto reuse = body_of<protocol::WriteReuse>(request);
      const auto found = snapshots.find(reuse.snapshot);
      if (found == snapshots.end()) return make_error(request, {Code::snapshot_gone, {}, {}});
      protocol::WriteReuseReply reply;
      for (std::size_t i = 0; i < reuse.leaves.size() / digest_bytes; ++i) {
        const std::uint64_t offset = reuse.offset_bytes + i * leaf_bytes;
        const std::string bytes = found->second.bytes.substr(offset, leaf_bytes);
        const bool equal =
            protocol::leaves_of(bytes) == reuse.leaves.substr(i * digest_bytes, digest_bytes);
        if (equal) store_leaves(reuse.upload, offset, bytes);
        reply.taken += equal ? '\1' : '\0';
      }
      return make_reply(request, reply);
    }
    case Type::read_leaves: {
      const auto wanted = body_of<protocol::ReadLeaves>(request);
      const auto found = snapshots.find(wanted.snapshot);
      if (found == snapshots.end()) return make_error(request, {Code::snapshot_gone, {}, {}});
      const std::string leaves = protocol::leaves_of(found->second.bytes);
      return make_reply(request, protocol::ReadLeavesReply{leaves.substr(
                                     wanted.offset_bytes / leaf_bytes * digest_bytes,
                                     std::min<std::size_t>(wanted.count, 3) * digest_bytes)});
    }
    default:
      return make_error(request, {Code::unknown_type, {}, {}});
  }
}

Message FakeServer::serve_download(const Message& request) {
  switch (request.header.type) {
    case Type::get: {
      const auto get = body_of<protocol::Get>(request);
      const auto found = files.find(get.path);
      if (found == files.end()) return make_error(request, {Code::not_found, get.path, {}});
      protocol::GetReply reply;
      reply.attributes.size_bytes = found->second.bytes.size();
      reply.attributes.version = found->second.version;
      reply.attributes.root = root_of_bytes(found->second.bytes);
      reply.attributes.mode = found->second.preserve.mode.value_or(0644);
      reply.attributes.mtime_ns = found->second.preserve.mtime_ns.value_or(0);
      if (found->second.bytes.size() > request.header.credit_bytes) {
        reply.snapshot = "5a." + std::to_string(last_handle_);
        snapshots[reply.snapshot] = found->second;
        return make_reply(request, reply);
      }
      Message message = make_reply(request, reply);
      message.payload = protocol::Payload::of(found->second.bytes);
      return message;
    }
    case Type::read: {
      const auto read = body_of<protocol::Read>(request);
      const auto found = snapshots.find(read.snapshot);
      if (found == snapshots.end()) return make_error(request, {Code::snapshot_gone, {}, {}});
      const std::string bytes = found->second.bytes.substr(read.offset_bytes, read.length_bytes);
      Message message =
          make_reply(request, protocol::ReadReply{protocol::Binary(protocol::leaves_of(bytes))});
      message.payload = protocol::Payload::of(bytes);
      read_bytes_given += bytes.size();
      return message;
    }
    default:
      snapshots.erase(body_of<protocol::ReadEnd>(request).snapshot);
      return make_reply(request, protocol::ReadEndReply{});
  }
}

Message FakeServer::serve_verify(const Message& request) {
  const auto wanted = body_of<protocol::Verify>(request);
  const auto found = files.find(wanted.path);
  if (found == files.end()) return make_error(request, {Code::not_found, {}, {}});
  const std::string& stored = found->second.bytes;
  protocol::VerifyReply reply;
  reply.attributes.size_bytes = stored.size();
  reply.attributes.version = found->second.version;
  if (wanted.version != 0 && wanted.version != found->second.version)
    return make_error(request, {Code::condition_failed, {}, {}});
  if (found->second.version == 0) return make_reply(request, reply);
  reply.attributes.root = root_of_bytes(stored);
  const auto bad = on_disk.find(wanted.path);
  const std::string now = (bad == on_disk.end() ? stored : bad->second)
                              .substr(wanted.offset_bytes, wanted.length_bytes);
  const std::string before = stored.substr(wanted.offset_bytes, wanted.length_bytes);
  reply.length_bytes = static_cast<std::uint32_t>(now.size());
  reply.leaves = protocol::leaves_of(now);
  constexpr std::size_t leaf = protocol::limits::leaf_bytes;
  for (std::size_t at = 0; at < now.size(); at += leaf)
    if (now.compare(at, leaf, before, at, leaf) != 0)
      reply.damaged.push_back({wanted.offset_bytes + at, std::min(leaf, now.size() - at)});
  return make_reply(request, reply);
}

}  // namespace sluice::tests
