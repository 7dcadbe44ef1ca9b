// The one exception of the client library. Its numbers, names and exit statuses are those of
// docs/protocol.md, "Errors". An Error may be passed between threads. Read on: sluice/client.hpp.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#if defined(__GNUC__)
#define SLUICE_API __attribute__((visibility("default")))
#else
#define SLUICE_API
#endif

namespace sluice {

/// Why an operation failed. `what()` is one sentence for a person: the path, what happened, what to
/// do about it; no newline.
class SLUICE_API Error : public std::runtime_error {
 public:
  /// An error of the table by its number; numbers a newer server may send are kept as they are.
  Error(std::uint16_t number, std::string path, std::string detail);
  /// The same by its name ("not_found", "local_io"); a name that is not in the table counts as
  /// "io_error".
  Error(const std::string& code, std::string path, std::string detail);

  /// The name in the table: "not_found", "locked", "unreachable"; "unknown_error" for a number of a
  /// newer server.
  const std::string& code() const noexcept { return code_; }
  /// The number on the wire.
  std::uint16_t number() const noexcept { return number_; }
  /// The exit status a command should end with.
  int exit_status() const noexcept { return exit_status_; }
  /// The path (or endpoint) it is about; may be empty.
  const std::string& path() const noexcept { return path_; }
  /// What the server or the system said besides; may be empty.
  const std::string& detail() const noexcept { return detail_; }

 private:
  std::uint16_t number_;
  int exit_status_;
  std::string code_;
  std::string path_;
  std::string detail_;
};

}  // namespace sluice
