// Secrets from the kernel, hashes from libsodium.
#include "runtime/secrets.hpp"

#include <sodium.h>

#include <cstring>

namespace sluice::runtime {

SystemSecrets::~SystemSecrets() {
  sodium_memzero(fetched_.data(), fetched_.size());
}

std::string SystemSecrets::bytes(std::size_t size) {
  std::string bytes(size, '\0');
  if (size > fetched_.size()) {
    randombytes_buf(bytes.data(), size);
    return bytes;
  }
  if (left_ < size) {
    randombytes_buf(fetched_.data(), fetched_.size());
    left_ = fetched_.size();
  }
  // What was given out is kept nowhere else.
  char* taken = fetched_.data() + left_ - size;
  std::memcpy(bytes.data(), taken, size);
  sodium_memzero(taken, size);
  left_ -= size;
  return bytes;
}

std::uint64_t session_number(std::string_view secret) {
  unsigned char hash[crypto_generichash_BYTES_MIN];
  crypto_generichash(hash, sizeof hash, reinterpret_cast<const unsigned char*>(secret.data()),
                     secret.size(), nullptr, 0);
  std::uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | hash[i];
  return number ? number : 1;
}

}  // namespace sluice::runtime
