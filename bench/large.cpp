// See large.hpp.
#include "bench/large.hpp"

#include <fmt/format.h>

#include "bench/threads.hpp"

namespace sluice::bench {
namespace {

Turn prepare(const Options& options, sluice::Client& client, const std::string& directory,
             unsigned index) {
  const std::string path = fmt::format("{}/{}", directory, index);
  const sluice::Source source{options.size_bytes, fill};
  const bool get = options.op == "get";
  if (get) client.put(path, source);
  const Change change = change_of(options);
  return [&client, path, source, get, change](Record& record) {
    const auto begun = Clock::now();
    if (get)
      client.get(path, [](std::uint64_t, std::string_view) {});
    else
      client.put(path, source, change);
    record.done(begun);
  };
}

}  // namespace

Result run_large(const Options& options) {
  return run_threads(options,
                     [&](sluice::Client& client, const std::string& directory, unsigned index) {
                       return prepare(options, client, directory, index);
                     });
}

}  // namespace sluice::bench
