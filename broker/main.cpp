// sluiced: the server. Parses, constructs, runs.
#include <malloc.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "broker/server.hpp"
#include "runtime/descriptors.hpp"

namespace {

using sluice::broker::ServerConfig;
using sluice::broker::publisher::Durability;

void describe(CLI::App& app, ServerConfig& config, double& lease_s) {
  app.footer("Example: sluiced --root /srv/files --listen tcp://0.0.0.0:5970");
  app.add_option("--root", config.root, "the directory to serve; must exist")->required();
  app.add_option("--listen", config.listen,
                 "endpoint for clients, tcp:// or ipc://; may be given again")
      ->capture_default_str();
  app.add_option("--workers-listen", config.workers_listen,
                 "endpoint for worker processes; for tcp the next port is used too");
  app.add_option("--threads", config.threads,
                 "worker threads in this process; 0: worker processes alone")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  app.add_option("--lease", lease_s, "seconds that a session and its locks outlive its silence")
      ->check(CLI::Range(0.5, 3600.0))
      ->capture_default_str();
  app.add_option("--durability", config.durability,
                 "full: what is seen survives a power loss; relaxed: the last moments may be lost")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Durability>{
          {"full", Durability::full}, {"relaxed", Durability::relaxed}}));
  app.set_config("--config", "", "a file with these options, 'name = value' a line");
  app.set_version_flag("--version", "sluiced " SLUICE_VERSION);
}

int run(const ServerConfig& config) {
  sluice::runtime::SignalFd signals{SIGINT, SIGTERM};
  signal(SIGPIPE, SIG_IGN);
  sluice::runtime::raise_descriptor_limit();
  auto server = sluice::broker::Server::start(config);
  if (!server) {
    std::fprintf(stderr, "sluiced: %s\n", sluice::protocol::sentence(server.error()).c_str());
    return sluice::protocol::exit_status(server.error().code);
  }
  std::string line = "sluiced ready";
  for (const std::string& endpoint : (*server)->endpoints()) line += " " + endpoint;
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  (*server)->run(signals);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The Sluice file server: files and locks in one protocol."};
  ServerConfig config;
  double lease_s = config.lease_ms / 1000.0;
  describe(app, config, lease_s);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  config.lease_ms = static_cast<std::uint32_t>(lease_s * 1000);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("sluiced"));
  // Chunks come and go: keep them in the heap instead of mapping each anew.
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  return run(config);
}
