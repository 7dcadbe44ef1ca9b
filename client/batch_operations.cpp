// Many small files in one message: as many as fit into one, the next when that is answered. Who
// wants more of them under way asks from several threads. Read on: operations.hpp,
// docs/protocol.md, "Batches".
#include <algorithm>

#include "client/operations.hpp"
#include "client/path_request.hpp"
#include "client/transfer/local_folder.hpp"
#include "client/transfer/streams.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/batches.hpp"
#include "protocol/path.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Payload;
using protocol::Result;
using runtime::Message;
namespace limits = protocol::limits;

namespace {

// What a file takes in a body besides its name: keys, digest, size, mode, time.
constexpr std::size_t entry_bytes = 100;

/// Bounds what goes into one message.
class Room {
 public:
  explicit Room(const ServerLimits& limits) : payload_bytes_(limits.chunk_bytes) {}
  bool takes(const std::string& name, std::size_t bytes) {
    const std::size_t entry = name.size() + entry_bytes;
    if (files_ == 0 || bytes > payload_bytes_ || entry > body_bytes_) return false;
    --files_;
    payload_bytes_ -= bytes;
    body_bytes_ -= entry;
    return true;
  }

 private:
  std::size_t files_ = limits::batch_files;
  std::size_t payload_bytes_;
  // The directory may be long as well.
  std::size_t body_bytes_ = limits::request_body_bytes - limits::path_bytes - entry_bytes;
};

Result<Message> exchange(Core& core, Message message, const std::string& directory,
                         const Call& call) {
  bound(message, core.patience);
  return named(wait_for(ask(*core.connection, std::move(message), call.stop)), directory,
               *core.connection);
}

/// No message has room for a name that is too long for any path.
Result<void> check_name(const std::string& directory, const std::string& name) {
  return check({protocol::join(directory, name)});
}

GotFile checked(const protocol::GotFile& got, const std::string& path, const Payload& payload,
                std::size_t offset) {
  GotFile file;
  file.attributes = to_public(got.attributes);
  if (got.code != 0) {
    file.error = exception_of(of_server({static_cast<Code>(got.code), path, got.detail}));
    return file;
  }
  const std::uint64_t size = got.attributes.size_bytes;
  const Payload bytes = size <= payload.size() - offset ? payload.part(offset, size) : Payload();
  if (bytes.size() != size)
    file.error = exception_of({Code::damaged, path, "its size is not the size that was stored"});
  else if (got.attributes.root &&
           protocol::root_of(protocol::leaves_of(bytes.bytes())) != *got.attributes.root)
    file.error = exception_of({Code::damaged, path, "its digest is not the one that was stored"});
  else
    file.bytes = bytes.text();
  return file;
}

}  // namespace

Result<void> Operations::get_many(const std::string& directory,
                                  const std::vector<std::string>& names, const GotFiles& file,
                                  const Call& call) const {
  if (auto ok = check({directory}); !ok) return ok;
  const auto server = wait_for(ask_limits(*core_->connection, call.stop, core_->patience));
  if (!server) return named(protocol::Error(server.error()), directory, *core_->connection);
  for (std::size_t done = 0; done < names.size();) {
    if (const auto ok = check_name(directory, names[done]); !ok) {
      GotFile refused;
      refused.error = exception_of(ok.error());
      file(done++, refused);
      continue;
    }
    protocol::GetMany body{directory, {}};
    Room room(*server);
    for (std::size_t i = done;
         i < names.size() && check_name(directory, names[i]) && room.takes(names[i], 0); ++i)
      body.names.push_back(names[i]);
    Message message = runtime::make_message({}, body);
    message.header.credit_bytes = static_cast<std::uint32_t>(server->chunk_bytes);
    const auto answer = exchange(*core_, std::move(message), directory, call);
    if (!answer) return tl::make_unexpected(answer.error());
    const auto reply = protocol::decode<protocol::GetManyReply>(answer->body);
    if (!reply) return tl::make_unexpected(reply.error());
    if (reply->got.size() != body.names.size())
      return protocol::fail(Code::bad_message, directory, "an answer for other files");
    std::size_t offset = 0;
    for (const protocol::GotFile& got : reply->got) {
      const std::string path = protocol::join(directory, names[done]);
      GotFile result = checked(got, path, answer->payload, offset);
      std::string again;
      // Perhaps only on the way: by itself it is asked for more than once.
      if (result.error && result.error->code() == name(Code::damaged))
        if (const auto whole =
                download(*core_->connection, path, output_to(again), call, core_->patience))
          result = GotFile{.attributes = to_public(*whole), .bytes = again};
      if (got.code == 0)
        offset +=
            std::min<std::uint64_t>(got.attributes.size_bytes, answer->payload.size() - offset);
      file(done++, result);
    }
  }
  return {};
}

Result<std::vector<PutFile>> Operations::put_many(const std::string& directory,
                                                  const std::vector<SmallFile>& files,
                                                  const Change& change, const Call& call) const {
  if (auto ok = check({directory}); !ok) return tl::make_unexpected(ok.error());
  const auto server = wait_for(ask_limits(*core_->connection, call.stop, core_->patience));
  if (!server) return named(protocol::Error(server.error()), directory, *core_->connection);
  protocol::PutMany body{directory, {}, terms(change)};
  body.terms.wait_ms = 0;
  body.terms.if_version.reset();
  std::vector<PutFile> done;
  const auto refuse = [&](const SmallFile& file, protocol::Error error) {
    if (error.path.empty()) error.path = protocol::join(directory, file.name);
    note_failure(*core_->connection, body.terms.token, error);
    done.push_back({0, exception_of(error)});
  };
  const auto check_file = [&](const SmallFile& file) -> Result<void> {
    if (file.bytes.size() > server->small_file_bytes) return protocol::fail(Code::too_large);
    return check_name(directory, file.name);
  };
  while (done.size() < files.size()) {
    if (auto ok = check_file(files[done.size()]); !ok) {
      refuse(files[done.size()], std::move(ok.error()));
      continue;
    }
    body.files.clear();
    std::string bytes;
    Room room(*server);
    for (std::size_t i = done.size(); i < files.size(); ++i) {
      const SmallFile& file = files[i];
      if (!check_file(file) || !room.takes(file.name, file.bytes.size())) break;
      body.files.push_back({file.name,
                            file.bytes.size(),
                            protocol::root_of(protocol::leaves_of(file.bytes)),
                            {file.mode, file.mtime_ns}});
      bytes += file.bytes;
    }
    Message message = runtime::make_message({}, body);
    message.payload = Payload::of(std::move(bytes));
    // Each file is a change under an id of its own.
    message.stamp.session = body.files.size();
    const auto answer = exchange(*core_, std::move(message), directory, call);
    if (!answer) return tl::make_unexpected(answer.error());
    const auto reply = protocol::decode<protocol::PutManyReply>(answer->body);
    if (!reply) return tl::make_unexpected(reply.error());
    if (reply->outcomes.size() != body.files.size())
      return protocol::fail(Code::bad_message, directory, "an answer for other files");
    for (const protocol::PutOutcome& outcome : reply->outcomes) {
      const SmallFile& file = files[done.size()];
      Result<std::uint64_t> version = outcome.version;
      if (outcome.code != 0)
        version = tl::make_unexpected(
            of_server({static_cast<Code>(outcome.code), outcome.path, outcome.detail}));
      // Damaged on the way: by itself it is tried again.
      if (outcome.code == static_cast<std::uint16_t>(Code::digest_mismatch))
        version =
            put({protocol::join(directory, file.name), {file.mode, file.mtime_ns}, body.terms},
                *input_from(file.bytes), call);
      if (version)
        done.push_back({*version, {}});
      else
        refuse(file, std::move(version.error()));
    }
  }
  return done;
}

Result<void> Operations::get_files(const std::string& directory,
                                   const std::vector<std::string>& names,
                                   const LocalDirectory& local, const MovedFiles& file,
                                   const Call& call) const {
  const auto folder = LocalFolder::open(local);
  if (!folder) return tl::make_unexpected(folder.error());
  return get_many(
      directory, names,
      [&](std::size_t place, const GotFile& got) {
        MovedFile moved{got.error, got.attributes.version, got.bytes.size()};
        if (!moved.error)
          if (const auto kept = folder->store(names[place], got.bytes, got.attributes); !kept)
            moved.error = exception_of(kept.error());
        file(place, moved);
      },
      call);
}

Result<void> Operations::put_files(const std::string& directory,
                                   const std::vector<std::string>& names,
                                   const LocalDirectory& local, const MovedFiles& file,
                                   const Change& change, const Call& call) const {
  const auto folder = LocalFolder::open(local);
  if (!folder) return tl::make_unexpected(folder.error());
  const auto server = wait_for(ask_limits(*core_->connection, call.stop, core_->patience));
  if (!server) return named(protocol::Error(server.error()), directory, *core_->connection);
  for (std::size_t next = 0; next < names.size();) {
    std::string all;
    std::vector<std::size_t> places;
    std::vector<std::size_t> ends;
    std::vector<SmallFile> files;
    for (; next < names.size() && files.size() < limits::batch_files &&
           all.size() + server->small_file_bytes <= server->chunk_bytes;
         ++next) {
      const auto preserve = folder->load(names[next], server->small_file_bytes, all);
      if (!preserve) {
        file(next, {exception_of(preserve.error()), 0, 0});
        continue;
      }
      places.push_back(next);
      ends.push_back(all.size());
      files.push_back({names[next], {}, preserve->mode, preserve->mtime_ns});
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
      const std::size_t begin = i == 0 ? 0 : ends[i - 1];
      files[i].bytes = std::string_view(all).substr(begin, ends[i] - begin);
    }
    const auto stored = put_many(directory, files, change, call);
    if (!stored) return tl::make_unexpected(stored.error());
    for (std::size_t i = 0; i < files.size(); ++i)
      file(places[i], {(*stored)[i].error, (*stored)[i].version, files[i].bytes.size()});
  }
  return {};
}

}  // namespace sluice::client
