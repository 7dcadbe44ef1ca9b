// What several commands ask the server about a path. Main thread. Read on: target.hpp.
#pragma once

#include <string>

#include "client/shell/invocation.hpp"
#include "client/shell/json.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {

/// What is at a path of the server; what cannot be there counts as nothing.
Found look_up(Invocation& run, const std::string& path);

/// The target of mv and cp: into a directory that is there, else the name given.
std::string target_on_server(Invocation& run, const std::string& from, const std::string& to_typed);

/// {"path", "kind", "size", "mode", "mtime_ns", "version", "digest"}.
std::string attributes_json(const std::string& path, const Attributes& attributes);

/// What a change prints: nothing, or with --json {"path", "version"}.
void print_change(Invocation& run, const std::string& path, std::uint64_t version);
/// What a put or get of a single file prints: with --json {"path", "version", "sent_bytes",
/// "received_bytes"}.
void print_transfer(Invocation& run, const std::string& path, std::uint64_t version);

/// What the command has sent and received until now goes into the object.
JsonObject& add_traffic(JsonObject& object, const Invocation& run);

}  // namespace sluice::shell
