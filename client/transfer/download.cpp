// A download reads in the order of time: open, chunks, the digest of all of it; the snapshot is
// given back however it ends.
#include "client/transfer/download.hpp"

#include <algorithm>
#include <map>

#include "client/pipeline.hpp"
#include "client/transfer/known_leaves.hpp"
#include "client/transfer/transfer_window.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Payload;
using protocol::Result;

namespace {

class Download {
 public:
  Download(Requester& requester, const std::string& path, const Output& output, const Call& call,
           std::optional<std::chrono::milliseconds> patience, const ServerLimits& limits,
           Holdings* holdings)
      : requester_(requester),
        path_(path),
        output_(output),
        call_(call),
        holdings_(holdings),
        pipeline_(requester, call.stop, patience),
        window_(limits) {}
  /// Gives the snapshot back; also when a callback of the application throws.
  ~Download();

  /// Goes on from the answer to the `Get`.
  Result<protocol::Attributes> run(runtime::Message&& answer);

 private:
  struct Chunk {
    std::size_t size = 0;
    /// Empty: it is here already.
    Payload bytes;
    std::string leaves;
  };

  Result<void> take_whole(const Payload& bytes);
  Result<void> find_leaves();
  Result<void> take_chunks();
  Result<void> find_or_ask_for(std::uint64_t offset, std::size_t length);
  void ask_for(std::uint64_t offset, std::size_t length);
  Result<void> take_answer();
  Result<void> hand_on();
  Result<void> check_root();
  void report() const {
    if (call_.progress) call_.progress(done_bytes_, attributes_.size_bytes);
  }

  Requester& requester_;
  const std::string& path_;
  const Output& output_;
  const Call& call_;
  Holdings* const holdings_;
  Pipeline pipeline_;
  TransferWindow window_;
  protocol::Attributes attributes_;
  std::string snapshot_;
  std::uint64_t asked_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
  /// Arrived before what comes before them.
  std::map<std::uint64_t, Chunk> early_;
  std::map<std::uint64_t, int> failed_attempts_;
  /// As the server has them, where some bytes may be here.
  std::string known_leaves_;
  std::string leaves_;
};

Download::~Download() {
  if (!snapshot_.empty())
    requester_.submit(runtime::make_message({}, protocol::ReadEnd{snapshot_}),
                      [](runtime::Message&&) {});
}

Result<protocol::Attributes> Download::run(runtime::Message&& answer) {
  auto opened = protocol::decode<protocol::GetReply>(answer.body);
  if (!opened) return tl::make_unexpected(opened.error());
  attributes_ = opened->attributes;
  snapshot_ = opened->snapshot;
  if (holdings_)
    if (auto begun = holdings_->begin(attributes_); !begun)
      return tl::make_unexpected(begun.error());
  auto taken = snapshot_.empty() ? take_whole(answer.payload) : take_chunks();
  if (!taken) return tl::make_unexpected(taken.error());
  if (auto checked = check_root(); !checked) return tl::make_unexpected(checked.error());
  return attributes_;
}

Result<void> Download::take_whole(const Payload& bytes) {
  if (bytes.size() != attributes_.size_bytes)
    return protocol::fail(Code::damaged, path_, "its size is not the size that was stored");
  leaves_ = protocol::leaves_of(bytes.bytes());
  if (auto checked = check_root(); !checked) return checked;
  if (bytes.empty()) return {};
  if (auto written = output_(0, bytes.text()); !written) return written;
  done_bytes_ = bytes.size();
  report();
  return {};
}

Result<void> Download::find_leaves() {
  if (!holdings_ || !holdings_->has_some()) return {};
  auto leaves = leaves_of_snapshot(pipeline_, snapshot_, attributes_.size_bytes);
  // A server from before that question: all is read.
  if (!leaves && leaves.error().code == Code::unknown_type) return {};
  if (!leaves) return tl::make_unexpected(leaves.error());
  known_leaves_ = std::move(*leaves);
  return {};
}

Result<void> Download::take_chunks() {
  if (auto found = find_leaves(); !found) return found;
  while (done_bytes_ < attributes_.size_bytes) {
    // What has arrived early counts too, so that memory is bounded by the window.
    while (asked_bytes_ < attributes_.size_bytes && !pipeline_.stopped() &&
           (asked_bytes_ == done_bytes_ ||
            asked_bytes_ - done_bytes_ + window_.chunk_bytes() <= window_.window_bytes())) {
      const std::size_t length =
          std::min<std::uint64_t>(window_.chunk_bytes(), attributes_.size_bytes - asked_bytes_);
      if (auto found = find_or_ask_for(asked_bytes_, length); !found) return found;
      asked_bytes_ += length;
    }
    if (early_.empty() || early_.begin()->first != done_bytes_) {
      if (pipeline_.unanswered() == 0) return protocol::fail(Code::cancelled);
      if (auto taken = take_answer(); !taken) return taken;
    }
    if (auto handed = hand_on(); !handed) return handed;
  }
  return {};
}

Result<void> Download::find_or_ask_for(std::uint64_t offset, std::size_t length) {
  const std::string_view leaves = leaves_at(known_leaves_, offset, length);
  if (!leaves.empty()) {
    const auto holds = holdings_->holds(offset, length, leaves);
    if (!holds) return tl::make_unexpected(holds.error());
    if (*holds) {
      early_[offset] = {length, {}, std::string(leaves)};
      return {};
    }
  }
  ask_for(offset, length);
  return {};
}

void Download::ask_for(std::uint64_t offset, std::size_t length) {
  const auto credit = static_cast<std::uint32_t>(length);
  runtime::Message read = runtime::make_message({}, protocol::Read{snapshot_, offset, credit});
  read.header.credit_bytes = credit;
  window_.sent(offset, length, TransferWindow::Time::clock::now());
  pipeline_.send(std::move(read), offset);
}

Result<void> Download::take_answer() {
  Pipeline::Answer answer = pipeline_.next();
  const std::uint64_t offset = answer.tag;
  const std::size_t length = window_.answered(offset, answer.arrived);
  auto message = unless_error(std::move(answer.message));
  if (!message) return tl::make_unexpected(message.error());
  auto reply = protocol::decode<protocol::ReadReply>(message->body);
  if (!reply) return tl::make_unexpected(reply.error());
  if (message->payload.size() != length)
    return protocol::fail(Code::damaged, path_, "it is shorter than what was stored");
  if (protocol::leaves_of(message->payload.bytes()) != reply->leaves) {
    if (++failed_attempts_[offset] >= damaged_attempts)
      return protocol::fail(Code::damaged, path_,
                            "at byte " + std::to_string(offset) + " and after");
    if (!pipeline_.stopped()) ask_for(offset, length);
    return {};
  }
  early_[offset] = {length, std::move(message->payload), std::move(reply->leaves)};
  return {};
}

Result<void> Download::hand_on() {
  while (!early_.empty() && early_.begin()->first == done_bytes_) {
    const Chunk chunk = std::move(early_.begin()->second);
    early_.erase(early_.begin());
    if (!chunk.bytes.empty())
      if (auto written = output_(done_bytes_, chunk.bytes.text()); !written) return written;
    leaves_ += chunk.leaves;
    done_bytes_ += chunk.size;
    report();
  }
  return {};
}

Result<void> Download::check_root() {
  if (attributes_.root && protocol::root_of(leaves_) != *attributes_.root)
    return protocol::fail(Code::damaged, path_, "its digest is not the one that was stored");
  return {};
}

}  // namespace

Start<Opened> open_download(Requester& requester, const std::string& path,
                            const std::stop_token& stop,
                            std::optional<std::chrono::milliseconds> patience) {
  return [&requester, path, stop, patience](Done<Opened> done) {
    const auto ask_for_file = [=, &requester](Result<ServerLimits>&& limits) {
      if (!limits) return done(tl::make_unexpected(limits.error()));
      runtime::Message get = runtime::make_message({}, protocol::Get{path});
      get.header.credit_bytes = static_cast<std::uint32_t>(limits->small_file_bytes);
      bound(get, patience);
      ask(requester, std::move(get), stop)([=](Result<runtime::Message>&& answer) {
        if (!answer) return done(tl::make_unexpected(answer.error()));
        const auto reply = protocol::decode<protocol::GetReply>(answer->body);
        if (!reply) return done(tl::make_unexpected(reply.error()));
        done(Opened{std::move(*answer), *limits, reply->snapshot.empty()});
      });
    };
    ask_limits(requester, stop, patience)(ask_for_file);
  };
}

Result<protocol::Attributes> finish_download(Requester& requester, const std::string& path,
                                             Opened&& opened, const Output& output,
                                             const Call& call,
                                             std::optional<std::chrono::milliseconds> patience,
                                             Holdings* holdings) {
  return Download(requester, path, output, call, patience, opened.limits, holdings)
      .run(std::move(opened.answer));
}

Result<protocol::Attributes> download(Requester& requester, const std::string& path,
                                      const Output& output, const Call& call,
                                      std::optional<std::chrono::milliseconds> patience,
                                      Holdings* holdings) {
  for (int attempt = 1;; ++attempt) {
    auto opened = wait_for(open_download(requester, path, call.stop, patience));
    if (!opened) return tl::make_unexpected(opened.error());
    const bool is_whole = opened->is_whole;
    auto got =
        finish_download(requester, path, std::move(*opened), output, call, patience, holdings);
    // Of a whole file nothing was handed on then.
    const bool was_damaged = !got && is_whole && got.error().code == Code::damaged;
    if (!was_damaged || attempt == damaged_attempts) return got;
  }
}

}  // namespace sluice::client
