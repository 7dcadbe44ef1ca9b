// What several commands ask the server: see remote.hpp.
#include "client/shell/remote.hpp"

#include <fmt/format.h>

#include "client/shell/format.hpp"

namespace sluice::shell {

Found look_up(Invocation& run, const std::string& path) {
  if (path.empty()) return Found::directory;
  try {
    const Attributes attributes = run.client().stat(path, run.call());
    return attributes.kind == Kind::directory ? Found::directory : Found::other;
  } catch (const Error& error) {
    if (error.code() == "not_found" || error.code() == "not_directory") return Found::nothing;
    if (error.code() == "not_regular") return Found::other;
    throw;
  }
}

std::string target_on_server(Invocation& run, const std::string& from,
                             const std::string& to_typed) {
  const std::string to = remote_path(to_typed);
  return targets_of({from}, to_typed, to, look_up(run, to)).front();
}

std::string attributes_json(const std::string& path, const Attributes& attributes) {
  return JsonObject()
      .add("path", path)
      .add("kind", kind_text(attributes.kind))
      .add("size", attributes.size_bytes)
      .add("mode", fmt::format("{:04o}", attributes.mode))
      .add("mtime_ns", attributes.mtime_ns)
      .add("version", attributes.version)
      .add("digest", attributes.digest)
      .text();
}

void print_change(Invocation& run, const std::string& path, std::uint64_t version) {
  if (!run.json()) return;
  run.out().print(JsonObject().add("path", path).add("version", version).text() + "\n");
}

void print_transfer(Invocation& run, const std::string& path, std::uint64_t version) {
  if (!run.json()) return;
  JsonObject object;
  object.add("path", path).add("version", version);
  run.out().print(add_traffic(object, run).text() + "\n");
}

JsonObject& add_traffic(JsonObject& object, const Invocation& run) {
  const Traffic traffic = run.traffic();
  return object.add("sent_bytes", traffic.sent_bytes).add("received_bytes", traffic.received_bytes);
}

}  // namespace sluice::shell
