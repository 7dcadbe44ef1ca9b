// Digests with libxxhash.
#include "protocol/digest.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "protocol/limits.hpp"

namespace sluice::protocol {

namespace {

Digest canonical_form(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  Digest digest;
  static_assert(sizeof canonical.digest == sizeof digest);
  std::memcpy(digest.data(), canonical.digest, digest.size());
  return digest;
}

}  // namespace

Digest digest_of(std::span<const char> bytes) {
  return canonical_form(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string leaves_of(std::span<const char> bytes) {
  std::string leaves;
  leaves.reserve(leaf_count(bytes.size(), limits::leaf_bytes) * sizeof(Digest));
  while (!bytes.empty()) {
    const auto leaf = bytes.first(std::min(bytes.size(), limits::leaf_bytes));
    const Digest digest = digest_of(leaf);
    leaves.append(digest.data(), digest.size());
    bytes = bytes.subspan(leaf.size());
  }
  return leaves;
}

std::string leaves_of_zeros(std::uint64_t size_bytes) {
  static const std::string zeros(limits::leaf_bytes, '\0');
  static const std::string whole = leaves_of(zeros);
  const std::uint64_t count = size_bytes / limits::leaf_bytes;
  std::string leaves;
  leaves.reserve(leaf_count(size_bytes, limits::leaf_bytes) * sizeof(Digest));
  for (std::uint64_t i = 0; i < count; ++i) leaves += whole;
  return leaves += leaves_of({zeros.data(), size_bytes % limits::leaf_bytes});
}

Digest root_of(std::string_view leaves) {
  return digest_of({leaves.data(), leaves.size()});
}

void RootDigest::Free::operator()(XXH3_state_s* state) const {
  XXH3_freeState(state);
}

RootDigest::RootDigest() : state_(XXH3_createState()) {
  XXH3_128bits_reset(state_.get());
}

void RootDigest::add(std::string_view leaves) {
  XXH3_128bits_update(state_.get(), leaves.data(), leaves.size());
}

Digest RootDigest::digest() const {
  return canonical_form(XXH3_128bits_digest(state_.get()));
}

std::string to_hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

std::string from_hex(std::string_view hex) {
  auto value = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string bytes;
  if (hex.size() % 2 != 0) return {};
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = value(hex[i]);
    const int low = value(hex[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

}  // namespace sluice::protocol
