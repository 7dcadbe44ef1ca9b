// An upload reads in the order of time: begin, chunks, commit; or abort.
#include "client/transfer/upload.hpp"

#include <algorithm>

#include "client/pipeline.hpp"
#include "client/transfer/first_look.hpp"
#include "protocol/limits.hpp"
#include "runtime/secrets.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Payload;
using protocol::Result;

namespace {

class Upload {
 public:
  Upload(Requester& requester, const UploadRequest& request, Input& input, const Call& call,
         std::optional<std::chrono::milliseconds> patience, const ServerLimits& limits)
      : requester_(requester),
        request_(request),
        input_(input),
        call_(call),
        limits_(limits),
        pipeline_(requester, call.stop, patience),
        id_(runtime::SystemSecrets().bytes(16)) {}
  /// Aborts what was not committed; also when a callback of the application throws.
  ~Upload();

  Result<std::uint64_t> run();
  Result<std::uint64_t> put_small();

 private:
  Result<void> send_chunks();
  Result<void> send_chunk();
  Result<void> take_answer();
  Result<std::uint64_t> commit();
  Result<Payload> read(std::uint64_t offset, std::size_t size);
  std::chrono::milliseconds lock_wait() const {
    return std::chrono::milliseconds(request_.terms.wait_ms);
  }
  void report() const {
    if (call_.progress) call_.progress(done_bytes_, input_.size_bytes());
  }

  Requester& requester_;
  const UploadRequest& request_;
  Input& input_;
  const Call& call_;
  const ServerLimits limits_;
  Pipeline pipeline_;
  const protocol::Binary id_;
  /// Whether the server may hold something of it.
  bool begun_ = false;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
  std::string leaves_;
};

Upload::~Upload() {
  if (begun_)
    requester_.submit(runtime::make_message({}, protocol::WriteAbort{id_}),
                      [](runtime::Message&&) {});
}

Result<std::uint64_t> Upload::put_small() {
  auto bytes = read(0, input_.size_bytes());
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (auto unchanged = input_.check_unchanged(); !unchanged)
    return tl::make_unexpected(unchanged.error());
  auto answer = pipeline_.call(put_message(request_, std::move(*bytes)), lock_wait());
  if (!answer) return tl::make_unexpected(answer.error());
  const auto reply = protocol::decode<protocol::PutReply>(answer->body);
  if (!reply) return tl::make_unexpected(reply.error());
  done_bytes_ = input_.size_bytes();
  report();
  return reply->version;
}

Result<std::uint64_t> Upload::run() {
  // One chunk is sent as soon as asked.
  if (input_.size_bytes() > limits_.chunk_bytes)
    if (auto ok = look_first(pipeline_, request_); !ok) return tl::make_unexpected(ok.error());
  begun_ = true;
  auto begun = pipeline_.ask<protocol::WriteBeginReply>(
      protocol::WriteBegin{id_, request_.path, input_.size_bytes()});
  if (!begun) return tl::make_unexpected(begun.error());
  if (auto sent = send_chunks(); !sent) return tl::make_unexpected(sent.error());
  if (auto unchanged = input_.check_unchanged(); !unchanged)
    return tl::make_unexpected(unchanged.error());
  auto version = commit();
  if (version) begun_ = false;
  return version;
}

Result<void> Upload::send_chunks() {
  const std::size_t window = transfer_window(limits_);
  while (done_bytes_ < input_.size_bytes()) {
    while (sent_bytes_ < input_.size_bytes() && !pipeline_.stopped() &&
           (pipeline_.unanswered() + 1) * limits_.chunk_bytes <= window)
      if (auto sent = send_chunk(); !sent) return sent;
    if (pipeline_.unanswered() == 0) return protocol::fail(Code::cancelled);
    if (auto taken = take_answer(); !taken) return taken;
  }
  return {};
}

Result<void> Upload::send_chunk() {
  const std::uint64_t left = input_.size_bytes() - sent_bytes_;
  auto bytes = read(sent_bytes_, std::min<std::uint64_t>(left, limits_.chunk_bytes));
  if (!bytes) return tl::make_unexpected(bytes.error());
  protocol::WriteChunk chunk{id_, sent_bytes_, protocol::leaves_of(bytes->bytes())};
  leaves_ += chunk.leaves;
  runtime::Message message = runtime::make_message({}, chunk);
  const std::size_t size = bytes->size();
  message.payload = std::move(*bytes);
  // The tag says how much the answer confirms, and is unique: no two chunks have the same offset.
  pipeline_.send(std::move(message), sent_bytes_);
  sent_bytes_ += size;
  return {};
}

Result<void> Upload::take_answer() {
  Pipeline::Answer answer = pipeline_.next();
  auto confirmed = unless_error(std::move(answer.message));
  if (!confirmed) return tl::make_unexpected(confirmed.error());
  done_bytes_ += std::min<std::uint64_t>(input_.size_bytes() - answer.tag, limits_.chunk_bytes);
  report();
  return {};
}

Result<std::uint64_t> Upload::commit() {
  protocol::WriteCommit commit;
  commit.upload = id_;
  commit.path = request_.path;
  commit.size_bytes = input_.size_bytes();
  commit.root = protocol::root_of(leaves_);
  commit.preserve = request_.preserve;
  commit.terms = request_.terms;
  auto reply = pipeline_.ask<protocol::WriteCommitReply>(commit, lock_wait());
  if (!reply) return tl::make_unexpected(reply.error());
  return reply->version;
}

Result<Payload> Upload::read(std::uint64_t offset, std::size_t size) {
  const std::shared_ptr<char[]> buffer(new char[size]);
  if (auto filled = input_.read(offset, buffer.get(), size); !filled)
    return tl::make_unexpected(filled.error());
  return Payload(buffer, buffer.get(), size);
}

bool is_worth_another_upload(Code code) {
  // The server was restarted, or has forgotten the session, and the upload with it.
  return code == Code::unknown_upload || code == Code::upload_incomplete ||
         code == Code::upload_conflict;
}

}  // namespace

std::size_t transfer_window(const ServerLimits& limits) {
  return std::max(limits.chunk_bytes, std::min(transfer_window_bytes, limits.window_bytes / 2));
}

runtime::Message put_message(const UploadRequest& request, Payload bytes) {
  const protocol::Put put{request.path, protocol::root_of(protocol::leaves_of(bytes.bytes())),
                          request.preserve, request.terms};
  runtime::Message message = runtime::make_message({}, put);
  message.payload = std::move(bytes);
  return message;
}

Result<std::uint64_t> upload(Requester& requester, const UploadRequest& request, Input& input,
                             const Call& call, std::optional<std::chrono::milliseconds> patience) {
  if (input.size_bytes() > protocol::limits::file_bytes)
    return protocol::fail(Code::too_large, request.path, "files may have up to 16 TiB");
  auto limits = wait_for(ask_limits(requester, call.stop, patience));
  if (!limits) return tl::make_unexpected(limits.error());
  if (input.size_bytes() <= limits->small_file_bytes)
    return Upload(requester, request, input, call, patience, *limits).put_small();
  auto version = Upload(requester, request, input, call, patience, *limits).run();
  if (version || !is_worth_another_upload(version.error().code)) return version;
  return Upload(requester, request, input, call, patience, *limits).run();
}

}  // namespace sluice::client
