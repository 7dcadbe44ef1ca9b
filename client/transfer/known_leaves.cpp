// One page after the other: see known_leaves.hpp.
#include "client/transfer/known_leaves.hpp"

#include <algorithm>

#include "protocol/digest.hpp"
#include "protocol/limits.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Result;
namespace limits = protocol::limits;

namespace {

constexpr std::size_t digest_bytes = sizeof(protocol::Digest);

std::uint64_t count_of(std::uint64_t size_bytes) {
  return protocol::leaf_count(size_bytes, limits::leaf_bytes);
}

}  // namespace

Result<std::string> leaves_of_upload(Pipeline& pipeline, const protocol::Binary& id,
                                     std::uint64_t size_bytes) {
  std::string known;
  while (known.size() / digest_bytes < count_of(size_bytes)) {
    protocol::WriteStatus status;
    status.upload = id;
    status.offset_bytes = known.size() / digest_bytes * limits::leaf_bytes;
    status.with_leaves = true;
    status.kept = true;
    const auto page = pipeline.ask<protocol::WriteStatusReply>(status);
    if (!page) return tl::make_unexpected(page.error());
    if (page->size_bytes != size_bytes)
      return protocol::fail(Code::upload_conflict, {}, "it was begun with another size");
    if (page->leaves.empty() || page->leaves.size() % digest_bytes != 0) break;
    known += page->leaves;
  }
  return known;
}

Result<std::string> leaves_of_snapshot(Pipeline& pipeline, const std::string& snapshot,
                                       std::uint64_t size_bytes) {
  std::string known;
  while (known.size() / digest_bytes < count_of(size_bytes)) {
    const std::uint64_t done = known.size() / digest_bytes;
    protocol::ReadLeaves wanted;
    wanted.snapshot = snapshot;
    wanted.offset_bytes = done * limits::leaf_bytes;
    wanted.count = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(count_of(size_bytes) - done, limits::leaves_in_answer));
    const auto page = pipeline.ask<protocol::ReadLeavesReply>(wanted);
    if (!page) return tl::make_unexpected(page.error());
    if (page->leaves.empty() || page->leaves.size() % digest_bytes != 0) break;
    known += page->leaves;
  }
  return known;
}

std::string_view leaves_at(std::string_view known, std::uint64_t offset, std::size_t size) {
  const std::uint64_t first = offset / limits::leaf_bytes * digest_bytes;
  if (first >= known.size()) return {};
  return known.substr(first, count_of(size) * digest_bytes);
}

bool conflict(std::string_view arrived, std::string_view leaves) {
  static const std::string missing(digest_bytes, '\0');
  for (std::size_t at = 0; at < std::min(arrived.size(), leaves.size()); at += digest_bytes) {
    const auto before = arrived.substr(at, digest_bytes);
    if (before != missing && before != leaves.substr(at, digest_bytes)) return true;
  }
  return false;
}

bool share_a_leaf(std::string_view one, std::string_view other) {
  for (std::size_t at = 0; at < std::min(one.size(), other.size()); at += digest_bytes)
    if (one.substr(at, digest_bytes) == other.substr(at, digest_bytes)) return true;
  return false;
}

}  // namespace sluice::client
