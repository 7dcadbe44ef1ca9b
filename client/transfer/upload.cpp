// An upload reads in the order of time: what is there already, begin, chunks, commit; or abort.
#include "client/transfer/upload.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>

#include "client/pipeline.hpp"
#include "client/transfer/download.hpp"
#include "client/transfer/first_look.hpp"
#include "client/transfer/known_leaves.hpp"
#include "client/transfer/remembered_upload.hpp"
#include "client/transfer/transfer_window.hpp"
#include "protocol/limits.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Payload;
using protocol::Result;
namespace limits = protocol::limits;

namespace {

// The version to take from is gone or cannot be read; its bytes can be sent all the same.
bool is_about_reuse(Code code) {
  return code == Code::snapshot_gone || code == Code::io_error || code == Code::denied;
}

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
        window_(limits),
        upload_(RememberedUpload::recall(may_be_kept() ? request.resume_key : "")) {}
  /// Aborts what was not committed and is not kept; also when a callback of the application throws.
  ~Upload();

  /// `reuses`: the file at the path may be this one already.
  Result<std::uint64_t> run(bool reuses);
  Result<std::uint64_t> put_small();
  bool is_kept() const { return upload_.is_remembered(); }
  /// A chunk was damaged each time it was sent: another upload would fare no better.
  bool is_damaged_on_the_way() const { return damaged_on_the_way_; }

 private:
  struct Piece {
    std::uint64_t offset = 0;
    std::size_t size = 0;
    /// How its bytes come to the server.
    enum class From : std::uint8_t { message, replaced_file, hole } from = From::message;
  };

  bool may_be_kept() const {
    return input_.size_bytes() > limits_.chunk_bytes &&
           request_.terms.wait_ms <= limits::upload_keep_min_ms;
  }
  Result<std::uint64_t> send_all(bool reuses);
  bool stays_after(Code code) const;
  Result<bool> find_earlier_try();
  Result<void> find_replaced();
  Result<void> begin();
  Result<void> touch();
  Result<void> send_chunks();
  Result<void> send_next();
  Result<void> check_same(const Piece& piece, std::string_view leaves);
  Result<void> send_bytes(const Piece& piece, Payload bytes, std::string leaves);
  void reuse(const Piece& piece, const std::string& leaves);
  std::uint64_t bytes_in_holes();
  Piece next_piece();
  Result<void> look_at_zeros(const Piece& piece);
  void send(runtime::Message message, const Piece& piece);
  Result<void> take_answer();
  Result<void> take_damaged(const Piece& piece, protocol::Error error);
  void take_reused(const Piece& piece, std::string_view taken);
  Result<std::uint64_t> commit();
  Result<Payload> read(std::uint64_t offset, std::size_t size);
  void done(std::size_t size);
  std::chrono::milliseconds lock_wait() const {
    return std::chrono::milliseconds(request_.terms.wait_ms);
  }

  Requester& requester_;
  const UploadRequest& request_;
  Input& input_;
  const Call& call_;
  const ServerLimits limits_;
  Pipeline pipeline_;
  TransferWindow window_;
  RememberedUpload upload_;
  /// Whether the server may hold something of it that is to be dropped. What another try has begun,
  /// which may be one of a process that still sends it, is not before it was refused.
  bool is_to_drop_ = false;
  /// What has arrived in an earlier try, zeros where something is missing.
  std::string arrived_;
  /// The version that is replaced, and its leaves.
  std::string snapshot_;
  std::string replaced_;
  std::uint64_t looked_at_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
  /// When the server was told of it last.
  TransferWindow::Time touched_;
  /// Of all that was looked at.
  std::string leaves_;
  std::map<std::uint64_t, Piece> under_way_;
  /// Could not be reused or told as zeros after all, or was damaged on the way.
  std::deque<Piece> to_send_;
  std::map<std::uint64_t, int> damaged_attempts_;
  bool damaged_on_the_way_ = false;
  /// The next hole, or the one that is being told of.
  Range hole_;
  bool takes_zeros_ = true;
};

Upload::~Upload() {
  const auto no_answer = [](runtime::Message&&) {};
  if (!snapshot_.empty())
    requester_.submit(runtime::make_message({}, protocol::ReadEnd{snapshot_}), no_answer);
  if (!is_to_drop_) return;
  requester_.submit(runtime::make_message({}, protocol::WriteAbort{upload_.id(), is_kept()}),
                    no_answer);
  upload_.forget();
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
  done(input_.size_bytes());
  return reply->version;
}

Result<std::uint64_t> Upload::run(bool reuses) {
  // One chunk is sent as soon as asked.
  if (input_.size_bytes() > limits_.chunk_bytes)
    if (auto ok = look_first(pipeline_, request_); !ok) return tl::make_unexpected(ok.error());
  const auto is_new = find_earlier_try();
  if (!is_new) return tl::make_unexpected(is_new.error());
  is_to_drop_ = !upload_.was_begun();
  auto version = send_all(reuses || !*is_new);
  if (version) upload_.forget();
  is_to_drop_ = !version && !stays_after(version.error().code);
  return version;
}

// How much another try has sent may not be known yet, and its process may be sending still.
bool Upload::stays_after(Code code) const {
  constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();
  return is_kept() && is_worth_keeping(code, upload_.was_begun() ? unknown : done_bytes_);
}

Result<std::uint64_t> Upload::send_all(bool reuses) {
  if (request_.delta || reuses)
    if (auto found = find_replaced(); !found) return tl::make_unexpected(found.error());
  if (auto begun = begin(); !begun) return tl::make_unexpected(begun.error());
  if (auto sent = send_chunks(); !sent) return tl::make_unexpected(sent.error());
  if (auto unchanged = input_.check_unchanged(); !unchanged)
    return tl::make_unexpected(unchanged.error());
  return commit();
}

// False: there was an earlier try, but its upload is gone. Perhaps its commit was on the way when
// its process was killed, and the bytes are at the path already.
Result<bool> Upload::find_earlier_try() {
  if (!upload_.was_begun()) return true;
  auto arrived = leaves_of_upload(pipeline_, upload_.id(), input_.size_bytes());
  if (arrived) {
    arrived_ = std::move(*arrived);
    return true;
  }
  if (arrived.error().code != Code::unknown_upload) {
    is_to_drop_ = arrived.error().code == Code::upload_conflict;
    return tl::make_unexpected(arrived.error());
  }
  // What of the old one is still on its way must not get into the new one.
  upload_.forget();
  upload_ = RememberedUpload::recall(request_.resume_key);
  return false;
}

// Trouble with it only means that all is sent, unless the upload has to end for it.
Result<void> Upload::find_replaced() {
  // No credit: a snapshot, however small the file is.
  const auto opened = pipeline_.ask<protocol::GetReply>(protocol::Get{request_.path});
  if (!opened && ends_upload(opened.error())) return tl::make_unexpected(opened.error());
  if (!opened || opened->snapshot.empty()) return {};
  snapshot_ = opened->snapshot;
  auto leaves = leaves_of_snapshot(pipeline_, snapshot_, opened->attributes.size_bytes);
  if (!leaves && ends_upload(leaves.error())) return tl::make_unexpected(leaves.error());
  if (leaves) replaced_ = std::move(*leaves);
  return {};
}

Result<void> Upload::begin() {
  touched_ = TransferWindow::Time::clock::now();
  const auto begun = pipeline_.ask<protocol::WriteBeginReply>(protocol::WriteBegin{
      upload_.id(), request_.path, input_.size_bytes(), is_kept(), bytes_in_holes()});
  if (!begun) return tl::make_unexpected(begun.error());
  return {};
}

// To read what has arrived already may take longer than the server keeps what nobody writes to.
Result<void> Upload::touch() {
  if (!is_kept() || TransferWindow::Time::clock::now() - touched_ < request_.touch_every) return {};
  while (pipeline_.unanswered() > 0)
    if (auto taken = take_answer(); !taken) return taken;
  // Beginning it again would make an empty one of it if it is gone.
  protocol::WriteStatus last_leaf;
  last_leaf.upload = upload_.id();
  last_leaf.offset_bytes = (input_.size_bytes() - 1) / limits::leaf_bytes * limits::leaf_bytes;
  last_leaf.kept = true;
  if (const auto there = pipeline_.ask<protocol::WriteStatusReply>(last_leaf); !there)
    return tl::make_unexpected(there.error());
  return begin();
}

std::uint64_t Upload::bytes_in_holes() {
  std::uint64_t bytes = 0;
  const std::uint64_t size = input_.size_bytes();
  for (Range hole = input_.next_hole(0); hole.begin < size; hole = input_.next_hole(hole.end))
    bytes += hole.end - hole.begin;
  return bytes;
}

Result<void> Upload::send_chunks() {
  while (done_bytes_ < input_.size_bytes()) {
    while ((looked_at_bytes_ < input_.size_bytes() || !to_send_.empty()) && !pipeline_.stopped() &&
           window_.has_room())
      if (auto sent = send_next(); !sent) return sent;
    if (done_bytes_ == input_.size_bytes()) break;
    if (pipeline_.unanswered() == 0) return protocol::fail(Code::cancelled);
    if (auto taken = take_answer(); !taken) return taken;
  }
  return {};
}

// What was not looked at yet, up to where a hole begins or ends.
Upload::Piece Upload::next_piece() {
  if (looked_at_bytes_ >= hole_.end) hole_ = input_.next_hole(looked_at_bytes_);
  Piece piece;
  piece.offset = looked_at_bytes_;
  const bool is_hole = takes_zeros_ && piece.offset >= hole_.begin;
  if (is_hole) piece.from = Piece::From::hole;
  const std::uint64_t end = is_hole                      ? hole_.end
                            : piece.offset < hole_.begin ? hole_.begin
                                                         : input_.size_bytes();
  piece.size = std::min<std::uint64_t>(end - piece.offset,
                                       is_hole ? limits::zero_bytes : window_.chunk_bytes());
  looked_at_bytes_ += piece.size;
  return piece;
}

Result<void> Upload::look_at_zeros(const Piece& piece) {
  const std::string leaves = protocol::leaves_of_zeros(piece.size);
  leaves_ += leaves;
  const std::string_view arrived = leaves_at(arrived_, piece.offset, piece.size);
  if (arrived == leaves) {
    done(piece.size);
    return touch();
  }
  if (conflict(arrived, leaves)) return protocol::fail(Code::upload_conflict, request_.path);
  const protocol::WriteChunk body{
      upload_.id(), piece.offset, {}, is_kept(), request_.terms.durability, piece.size};
  send(runtime::make_message({}, body), piece);
  return {};
}

Result<void> Upload::send_next() {
  Piece piece;
  const bool again = !to_send_.empty();
  if (again) {
    Piece& left = to_send_.front();
    piece = left;
    piece.size = std::min(left.size, window_.chunk_bytes());
    left.offset += piece.size;
    left.size -= piece.size;
    if (left.size == 0) to_send_.pop_front();
  } else {
    piece = next_piece();
    if (piece.from == Piece::From::hole) return look_at_zeros(piece);
  }
  auto bytes = read(piece.offset, piece.size);
  if (!bytes) return tl::make_unexpected(bytes.error());
  std::string leaves = protocol::leaves_of(bytes->bytes());
  if (again) {
    if (auto same = check_same(piece, leaves); !same) return same;
    return send_bytes(piece, std::move(*bytes), std::move(leaves));
  }
  leaves_ += leaves;
  const std::string_view arrived = leaves_at(arrived_, piece.offset, piece.size);
  if (arrived == leaves) {
    done(piece.size);
    return touch();
  }
  if (conflict(arrived, leaves)) return protocol::fail(Code::upload_conflict, request_.path);
  if (share_a_leaf(leaves_at(replaced_, piece.offset, piece.size), leaves)) {
    reuse(piece, leaves);
    return {};
  }
  return send_bytes(piece, std::move(*bytes), std::move(leaves));
}

// Other bytes must not get into the same upload.
Result<void> Upload::check_same(const Piece& piece, std::string_view leaves) {
  if (leaves_at(leaves_, piece.offset, piece.size) == leaves) return {};
  if (auto unchanged = input_.check_unchanged(); !unchanged) return unchanged;
  return protocol::fail(Code::source_changed, request_.path);
}

Result<void> Upload::send_bytes(const Piece& piece, Payload bytes, std::string leaves) {
  runtime::Message message = runtime::make_message(
      {},
      protocol::WriteChunk{
          upload_.id(), piece.offset, {std::move(leaves)}, is_kept(), request_.terms.durability});
  message.payload = std::move(bytes);
  send(std::move(message), piece);
  return {};
}

void Upload::reuse(const Piece& piece, const std::string& leaves) {
  const protocol::WriteReuse body{upload_.id(), snapshot_, piece.offset, {leaves}, is_kept()};
  send(runtime::make_message({}, body), {piece.offset, piece.size, Piece::From::replaced_file});
}

// Offsets are unique among what is under way.
void Upload::send(runtime::Message message, const Piece& piece) {
  under_way_[piece.offset] = piece;
  touched_ = TransferWindow::Time::clock::now();
  // A hole costs no more than the words for it.
  const bool is_hole = piece.from == Piece::From::hole;
  window_.sent(piece.offset, is_hole ? std::min(piece.size, limits::leaf_bytes) : piece.size,
               touched_);
  pipeline_.send(std::move(message), piece.offset);
}

Result<void> Upload::take_answer() {
  Pipeline::Answer answer = pipeline_.next();
  const Piece piece = under_way_.extract(answer.tag).mapped();
  window_.answered(answer.tag, answer.arrived);
  const auto message = unless_error(std::move(answer.message));
  if (piece.from != Piece::From::replaced_file) {
    // Of a server that does not know of zeros yet.
    if (!message && piece.from == Piece::From::hole && message.error().code == Code::bad_message) {
      takes_zeros_ = false;
      to_send_.push_back({piece.offset, piece.size});
      return {};
    }
    if (!message) return take_damaged(piece, message.error());
    done(piece.size);
    return {};
  }
  if (!message && !is_about_reuse(message.error().code))
    return tl::make_unexpected(message.error());
  if (!message) {
    replaced_.clear();
    take_reused(piece, {});
    return {};
  }
  const auto reply = protocol::decode<protocol::WriteReuseReply>(message->body);
  if (!reply) return tl::make_unexpected(reply.error());
  take_reused(piece, reply->taken);
  return {};
}

// Any other failure ends the upload.
Result<void> Upload::take_damaged(const Piece& piece, protocol::Error error) {
  const bool is_damaged = piece.from == Piece::From::message && error.code == Code::digest_mismatch;
  damaged_on_the_way_ = is_damaged && ++damaged_attempts_[piece.offset] == damaged_attempts;
  if (!is_damaged || damaged_on_the_way_) return tl::make_unexpected(std::move(error));
  to_send_.push_back(piece);
  return {};
}

void Upload::take_reused(const Piece& piece, std::string_view taken) {
  const auto is_taken = [&](std::size_t at) {
    const std::size_t leaf = at / limits::leaf_bytes;
    return leaf < taken.size() && taken[leaf] != '\0';
  };
  for (std::size_t begin = 0; begin < piece.size;) {
    std::size_t end = begin;
    while (end < piece.size && is_taken(end) == is_taken(begin))
      end = std::min(end + limits::leaf_bytes, piece.size);
    if (is_taken(begin))
      done(end - begin);
    else
      to_send_.push_back({piece.offset + begin, end - begin});
    begin = end;
  }
}

void Upload::done(std::size_t size) {
  done_bytes_ += size;
  if (call_.progress) call_.progress(done_bytes_, input_.size_bytes());
}

Result<std::uint64_t> Upload::commit() {
  protocol::WriteCommit commit;
  commit.upload = upload_.id();
  commit.path = request_.path;
  commit.size_bytes = input_.size_bytes();
  commit.root = protocol::root_of(leaves_);
  commit.preserve = request_.preserve;
  commit.terms = request_.terms;
  commit.kept = is_kept();
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

// The server loses an upload with the machine's power, or with the session: each time it is begun
// anew, but not for ever.
constexpr int most_lost = 8;

bool is_worth_another_upload(Code code) {
  // The server was restarted, or has forgotten the session, and the upload with it; or somebody
  // else has ended a kept one, or the file is another than when it was begun; or its bytes have
  // changed there.
  return code == Code::unknown_upload || code == Code::upload_incomplete ||
         code == Code::upload_conflict || code == Code::damaged || code == Code::digest_mismatch;
}

}  // namespace

bool is_worth_keeping(Code code, std::uint64_t done_bytes) {
  switch (code) {
    case Code::cancelled:
      return done_bytes > keep_when_stopped_bytes;
    case Code::unreachable:
    case Code::timed_out:
    case Code::snapshot_gone:
      return done_bytes > keep_bytes;
    default:
      return protocol::is_for_now(code) && done_bytes > keep_bytes;
  }
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
  if (input.size_bytes() > limits::file_bytes)
    return protocol::fail(Code::too_large, request.path, "files may have up to 16 TiB");
  auto granted = wait_for(ask_limits(requester, call.stop, patience));
  if (!granted) return tl::make_unexpected(granted.error());
  if (input.size_bytes() <= granted->small_file_bytes) {
    auto version = Upload(requester, request, input, call, patience, *granted).put_small();
    if (version || version.error().code != Code::digest_mismatch) return version;
    return Upload(requester, request, input, call, patience, *granted).put_small();
  }
  bool reuses = false;
  for (int lost = 0, spoilt = 0;;) {
    bool kept = false;
    bool hopeless = false;
    const auto version = [&] {
      Upload once(requester, request, input, call, patience, *granted);
      kept = once.is_kept();
      auto stored = once.run(reuses);
      hopeless = once.is_damaged_on_the_way();
      return stored;
    }();
    if (version || hopeless || !is_worth_another_upload(version.error().code)) return version;
    const Code code = version.error().code;
    const bool was_lost = code == Code::unknown_upload || code == Code::upload_incomplete;
    // A kept one may be lost once more: to another process that sends it too.
    const int most = was_lost ? most_lost : kept ? 2 : 1;
    if ((was_lost ? lost : spoilt)++ == most) return version;
    if (kept && version.error().code == Code::upload_conflict && call.notice)
      call.notice(request.path, "the local file has changed since the last try: started anew");
    reuses = kept && version.error().code == Code::unknown_upload;
  }
}

}  // namespace sluice::client
