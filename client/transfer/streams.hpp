// Between what the application has (callbacks, strings, streams of the standard library) and what
// transfers take. Everything given must outlive the result. Used by the thread of the call.
#pragma once

#include <iosfwd>
#include <string>

#include "client/transfer/download.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

Output output_to(const Sink& sink);
Output output_to(std::string& all);
/// Fails with `local_io` once the stream takes no more.
Output output_to(std::ostream& stream);
/// Throws `local_io` if the stream ends with more than its end.
Stream stream_from(std::istream& stream);

}  // namespace sluice::client
