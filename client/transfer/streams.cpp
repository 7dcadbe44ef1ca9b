// A few lines each.
#include "client/transfer/streams.hpp"

#include <istream>
#include <ostream>

#include "client/convert.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Result;

Output output_to(const Sink& sink) {
  return [&sink](std::uint64_t offset, std::string_view bytes) -> Result<void> {
    sink(offset, bytes);
    return {};
  };
}

Output output_to(std::string& all) {
  return [&all](std::uint64_t, std::string_view bytes) -> Result<void> {
    all += bytes;
    return {};
  };
}

Output output_to(std::ostream& stream) {
  return [&stream](std::uint64_t, std::string_view bytes) -> Result<void> {
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!stream) return protocol::fail(Code::local_io, "the output stream", "it takes no more");
    return {};
  };
}

Stream stream_from(std::istream& stream) {
  return [&stream](char* buffer, std::size_t size) -> std::size_t {
    if (stream.eof()) return 0;
    stream.read(buffer, static_cast<std::streamsize>(size));
    if (stream.bad() || (stream.fail() && !stream.eof()))
      raise({Code::local_io, "the input stream", "it cannot be read"});
    return static_cast<std::size_t>(stream.gcount());
  };
}

}  // namespace sluice::client
