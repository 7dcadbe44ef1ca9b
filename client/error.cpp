// The public exception, made from the protocol's table of errors.
#include "sluice/error.hpp"

#include "protocol/errors.hpp"

namespace sluice {
namespace {

std::string sentence(std::uint16_t number, const std::string& path, const std::string& detail) {
  return protocol::sentence({static_cast<protocol::Code>(number), path, detail});
}

std::uint16_t number_of(const std::string& code) {
  for (std::uint16_t number = 0; number < 1000; ++number)
    if (protocol::is_known(number) && protocol::name(static_cast<protocol::Code>(number)) == code)
      return number;
  return static_cast<std::uint16_t>(protocol::Code::io_error);
}

}  // namespace

Error::Error(std::uint16_t number, std::string path, std::string detail)
    : std::runtime_error(sentence(number, path, detail)),
      number_(number),
      exit_status_(protocol::exit_status(static_cast<protocol::Code>(number))),
      code_(protocol::name(static_cast<protocol::Code>(number))),
      path_(std::move(path)),
      detail_(std::move(detail)) {}

Error::Error(const std::string& code, std::string path, std::string detail)
    : Error(number_of(code), std::move(path), std::move(detail)) {}

}  // namespace sluice
