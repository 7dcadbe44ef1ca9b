// Load on one server that runs already, and what it answered. Read on: load.hpp.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/peers/load.hpp"

int main(int argc, char** argv) {
  CLI::App app{"Takes and gives back locks of a running server, or gets and puts small files."};
  sluice::bench::Options options;
  options.op = sluice::bench::peers::operations.front();
  app.add_option("--server", options.server, "ADDRESS:PORT; a directory for what has none")
      ->required();
  app.add_option("--op", options.op)
      ->check(CLI::IsMember(sluice::bench::peers::operations))
      ->capture_default_str();
  app.add_option("--size", options.size_bytes, "bytes a file")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--clients", options.clients)->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--seconds", options.seconds)
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--warm-up", options.warm_up_s, "seconds of load before those that count")
      ->capture_default_str();
  app.add_option("--files", options.files, "of a tree")->check(CLI::Range(1, 10'000'000));
  app.add_flag("--await-release", options.await_release,
               "ask for the next lock when the release is answered, not together with it");
  app.add_option("--backoff", options.backoff_ms,
                 "milliseconds before trying again, for servers without a queue");
  app.add_flag("--named", options.named,
               "locks of named owners, which outlive the connection (Sluice alone)");
  app.add_flag("--json", options.json);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (options.op.starts_with("lock")) options.size_bytes = 0;
  try {
    const auto result = sluice::bench::peers::run_load(options);
    sluice::bench::print(result, options.json);
    if (result.errors == 0) return 0;
    fmt::print(stderr, "{}: {} operations failed, the first with: {}\n", options.server,
               result.errors, result.first_error);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", options.server, error.what());
  }
  return 1;
}
