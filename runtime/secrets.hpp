// Where unguessable bytes come from: the kernel, or in the simulator a seed. Implementations are
// used by one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::runtime {

class Secrets {
 public:
  virtual ~Secrets() = default;
  /// `size` unguessable bytes.
  virtual std::string bytes(std::size_t size) = 0;
};

/// getrandom(2), asked for many bytes at once. Not for a process that forks and goes on in both.
class SystemSecrets final : public Secrets {
 public:
  ~SystemSecrets() override;
  std::string bytes(std::size_t size) override;

 private:
  std::array<char, 512> fetched_{};
  std::size_t left_ = 0;
};

/// The public number of the session with this secret (the first 8 bytes of its BLAKE2b hash): it
/// names the session to others without giving it away. Never 0.
std::uint64_t session_number(std::string_view secret);

}  // namespace sluice::runtime
