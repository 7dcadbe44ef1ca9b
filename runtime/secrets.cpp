// Secrets from the kernel, hashes from libsodium.
#include "runtime/secrets.hpp"

#include <sodium.h>

namespace sluice::runtime {

std::string SystemSecrets::bytes(std::size_t size) {
  std::string bytes(size, '\0');
  randombytes_buf(bytes.data(), bytes.size());
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
