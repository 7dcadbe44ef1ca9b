// sluice-bench: load on a server that runs already, and what it answered.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "bench/large.hpp"
#include "bench/many.hpp"
#include "bench/small.hpp"
#include "bench/sync.hpp"
#include "protocol/limits.hpp"
#include "runtime/freed_memory.hpp"

int main(int argc, char** argv) {
  sluice::runtime::keep_freed_memory();
  CLI::App app{"Measures a running Sluice server."};
  app.footer("Example: sluice-bench --op put --size 4096 --clients 64 --seconds 5 --json");
  sluice::bench::Options options;
  app.add_option("--server", options.server, "endpoint")
      ->envname("SLUICE_SERVER")
      ->capture_default_str();
  app.add_option("--op", options.op,
                 "put-many, get-many: trees of small files, each client's sent one after the\n"
                 "other without waiting; sync: a large file of which one leaf is changed before\n"
                 "it is put again; all others: one request a client at a time")
      ->check(
          CLI::IsMember({"get", "put", "put-many", "get-many", "sync", "lock", "lock-contended"}))
      ->capture_default_str();
  app.add_option("--size", options.size_bytes, "bytes a file")->capture_default_str();
  app.add_option("--clients", options.clients)->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--seconds", options.seconds)
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--warm-up", options.warm_up_s, "seconds of load before those that count")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  app.add_option("--files", options.files, "files of a tree (for put-many, get-many)")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_flag("--await-release", options.await_release,
               "lock: ask for the next lock when the release is answered, not together with it");
  app.add_option("--held", options.held, "locks that others hold meanwhile (for lock)")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{sluice::protocol::limits::locks_in_all}))
      ->capture_default_str();
  std::string durability;
  app.add_option("--durability", durability, "of what is put; as the server is set by default")
      ->check(CLI::IsMember({"full", "relaxed"}));
  app.add_flag("--json", options.json);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  using sluice::protocol::Durability;
  if (!durability.empty())
    options.durability = durability == "full" ? Durability::full : Durability::relaxed;
  const bool lock = options.op.starts_with("lock");
  if (lock) options.size_bytes = 0;
  const bool small = options.size_bytes <= sluice::protocol::limits::small_file_bytes;
  const bool many = options.op.ends_with("-many");
  if (many && !small) {
    fmt::print(stderr, "sluice-bench: files of a tree have up to {} bytes\n",
               sluice::protocol::limits::small_file_bytes);
    return 2;
  }
  const bool sync = options.op == "sync";
  if (sync && options.size_bytes <= sluice::protocol::limits::chunk_bytes) {
    fmt::print(stderr, "sluice-bench: a file of which some is sent has more than {} bytes\n",
               sluice::protocol::limits::chunk_bytes);
    return 2;
  }
  try {
    const auto result = many    ? sluice::bench::run_many(options)
                        : sync  ? sluice::bench::run_sync(options)
                        : small ? sluice::bench::run_small(options)
                                : sluice::bench::run_large(options);
    sluice::bench::print(result, options.json);
    if (result.errors > 0) {
      fmt::print(stderr, "sluice-bench: {} operations failed, the first with: {}\n", result.errors,
                 result.first_error);
      return 1;
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "sluice-bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
