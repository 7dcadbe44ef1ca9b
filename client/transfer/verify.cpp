// A verification reads in the order of time: the first piece, which tells what the file is, the
// others, what all their digests say together.
#include "client/transfer/verify.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include "client/convert.hpp"
#include "client/pipeline.hpp"
#include "protocol/limits.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Result;
using protocol::VerifyReply;
namespace limits = protocol::limits;

namespace {

// Enough to keep some workers busy, and few enough that others are served between.
constexpr std::size_t pieces_at_once = 4;
// Of a file that others store again and again.
constexpr int attempts_most = 10;
// More of them tell nobody more; the last one then reaches to the end of the damage.
constexpr std::size_t ranges_most = 1'000;

class Verifier {
 public:
  Verifier(Requester& requester, const std::string& path, const Call& call,
           std::optional<std::chrono::milliseconds> patience)
      : path_(path), call_(call), pipeline_(requester, call.stop, patience) {}

  Result<Verification> run();

 private:
  struct Piece {
    std::uint64_t offset_bytes;
    VerifyReply reply;
  };

  void ask_for(std::uint64_t offset, std::uint32_t length);
  void ask_for_next();
  bool is_possible(std::uint64_t offset, std::uint32_t asked, const VerifyReply& reply) const;
  Result<Piece> take_answer();
  void take_in(Piece&& piece);
  void add_damage(const protocol::DamagedRange& range);
  Verification judge() const;
  void report() const {
    if (call_.progress) call_.progress(done_bytes_, attributes_.size_bytes);
  }

  const std::string& path_;
  const Call& call_;
  Pipeline pipeline_;
  protocol::Attributes attributes_;
  /// Lengths of the pieces that are asked for, by offset.
  std::map<std::uint64_t, std::uint32_t> under_way_;
  std::uint64_t asked_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
  std::string leaves_;
  bool leaves_missing_ = false;
  /// By offset; they come in any order.
  std::map<std::uint64_t, std::uint64_t> damaged_;
};

Result<Verification> Verifier::run() {
  ask_for(0, limits::verify_bytes);
  auto first = take_answer();
  if (!first) return tl::make_unexpected(first.error());
  attributes_ = first->reply.attributes;
  if (!attributes_.root)
    return Verification{.attributes = to_public(attributes_), .damage = {}, .ranges = {}};
  leaves_.resize(protocol::leaf_count(attributes_.size_bytes, limits::leaf_bytes) *
                 sizeof(protocol::Digest));
  asked_bytes_ = first->reply.length_bytes;
  take_in(std::move(*first));
  while (done_bytes_ < attributes_.size_bytes) {
    while (asked_bytes_ < attributes_.size_bytes && !pipeline_.stopped() &&
           pipeline_.unanswered() < pieces_at_once)
      ask_for_next();
    if (pipeline_.unanswered() == 0) return protocol::fail(Code::cancelled);
    auto piece = take_answer();
    if (!piece) return tl::make_unexpected(piece.error());
    take_in(std::move(*piece));
  }
  return judge();
}

void Verifier::ask_for_next() {
  const std::uint64_t rest = attributes_.size_bytes - asked_bytes_;
  const auto leaves =
      protocol::leaf_count(std::min<std::uint64_t>(limits::verify_bytes, rest), limits::leaf_bytes);
  ask_for(asked_bytes_, static_cast<std::uint32_t>(leaves * limits::leaf_bytes));
  asked_bytes_ += std::min<std::uint64_t>(limits::verify_bytes, rest);
}

void Verifier::ask_for(std::uint64_t offset, std::uint32_t length) {
  under_way_[offset] = length;
  const protocol::Verify request{path_, attributes_.version, offset, length};
  pipeline_.send(runtime::make_message({}, request), offset);
}

Result<Verifier::Piece> Verifier::take_answer() {
  Pipeline::Answer answer = pipeline_.next();
  const std::uint32_t asked = under_way_.extract(answer.tag).mapped();
  auto message = unless_error(std::move(answer.message));
  if (!message) return tl::make_unexpected(message.error());
  auto reply = protocol::decode<VerifyReply>(message->body);
  if (!reply) return tl::make_unexpected(reply.error());
  if (!is_possible(answer.tag, asked, *reply))
    return protocol::fail(Code::bad_message, path_, "the answer is not about what was asked for");
  const std::uint64_t end = std::min(answer.tag + asked, reply->attributes.size_bytes);
  const std::uint64_t next = answer.tag + reply->length_bytes;
  // A server may look at less at a time.
  if (attributes_.root && next < end && !pipeline_.stopped())
    ask_for(next, static_cast<std::uint32_t>(answer.tag + asked - next));
  return Piece{answer.tag, std::move(*reply)};
}

bool Verifier::is_possible(std::uint64_t offset, std::uint32_t asked,
                           const VerifyReply& reply) const {
  const std::uint64_t size = reply.attributes.size_bytes;
  if (!reply.attributes.root) return !attributes_.root && reply.length_bytes == 0;
  if (attributes_.root &&
      (reply.attributes.root != attributes_.root || size != attributes_.size_bytes))
    return false;
  if (size > limits::file_bytes || offset > size) return false;
  const std::uint64_t due = std::min<std::uint64_t>(asked, size - offset);
  const bool is_whole = reply.length_bytes == due || reply.length_bytes % limits::leaf_bytes == 0;
  if (!is_whole || reply.length_bytes > due || (reply.length_bytes == 0 && due > 0)) return false;
  for (const auto& range : reply.damaged)
    if (range.length_bytes > reply.length_bytes || range.offset_bytes < offset ||
        range.offset_bytes - offset > reply.length_bytes - range.length_bytes)
      return false;
  return reply.leaves.size() ==
         protocol::leaf_count(reply.length_bytes, limits::leaf_bytes) * sizeof(protocol::Digest);
}

void Verifier::take_in(Piece&& piece) {
  leaves_.replace(piece.offset_bytes / limits::leaf_bytes * sizeof(protocol::Digest),
                  piece.reply.leaves.size(), piece.reply.leaves);
  leaves_missing_ |= piece.reply.leaves_missing;
  for (const auto& range : piece.reply.damaged) add_damage(range);
  done_bytes_ += piece.reply.length_bytes;
  report();
}

void Verifier::add_damage(const protocol::DamagedRange& range) {
  std::uint64_t begin = range.offset_bytes;
  std::uint64_t end = begin + range.length_bytes;
  auto after = damaged_.lower_bound(begin);
  if (after != damaged_.begin()) {
    const auto before = std::prev(after);
    if (before->second >= begin || damaged_.size() >= ranges_most) {
      begin = before->first;
      end = std::max(end, before->second);
    }
  }
  while (after != damaged_.end() && after->first <= end) {
    end = std::max(end, after->second);
    after = damaged_.erase(after);
  }
  damaged_[begin] = end;
}

Verification Verifier::judge() const {
  Verification found{.attributes = to_public(attributes_), .damage = {}, .ranges = {}};
  const bool bytes_are_good = protocol::root_of(leaves_) == *attributes_.root;
  if (bytes_are_good) {
    constexpr auto* good = "; the bytes are those that were stored";
    if (leaves_missing_) found.damage = std::string("the digests of its leaves are missing") + good;
    if (!damaged_.empty())
      found.damage = std::string("the stored digests of its leaves are damaged") + good;
    return found;
  }
  for (const auto& [begin, end] : damaged_) found.ranges.push_back({begin, end - begin});
  found.damage = !damaged_.empty() ? "its bytes have changed"
                 : leaves_missing_
                     ? "its bytes have changed, and the digests of its leaves are missing"
                     : "its root digest is not that of its bytes and leaves";
  return found;
}

}  // namespace

Result<Verification> verify(Requester& requester, const std::string& path, const Call& call,
                            std::optional<std::chrono::milliseconds> patience) {
  for (int attempt = 1;; ++attempt) {
    auto found = Verifier(requester, path, call, patience).run();
    if (found) return found;
    const protocol::Error& error = found.error();
    // What it should be is not known then.
    if (error.code == Code::damaged)
      return Verification{.attributes = {}, .damage = error.detail, .ranges = {}};
    if (error.code != Code::condition_failed) return found;
    if (attempt == attempts_most)
      return protocol::fail(error.code, path, "it is replaced again and again");
  }
}

}  // namespace sluice::client
