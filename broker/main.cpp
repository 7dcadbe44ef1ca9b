// sluiced: the server. Parses, constructs, runs.
#include <malloc.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "broker/server.hpp"
#include "runtime/descriptors.hpp"

namespace {

using sluice::broker::ServerConfig;
using sluice::broker::publisher::Durability;

// Options that ServerConfig has in another form.
struct Typed {
  double lease_s = ServerConfig().lease_ms / 1000.0;
  std::string durability = "full";
};

// CLI::Range finds nothing wrong with what is not a number.
CLI::Validator numbers_between(double min, double max) {
  auto check = [min, max](std::string& text) {
    double number = 0;
    const bool is_number = CLI::detail::lexical_cast(text, number);
    return is_number && number >= min && number <= max ? "" : "'" + text + "' is out of range";
  };
  return {check, "in [" + CLI::detail::to_string(min) + " - " + CLI::detail::to_string(max) + "]"};
}

void describe(CLI::App& app, ServerConfig& config, Typed& typed) {
  app.footer(
      "A configuration file has options without their dashes, 'name = value' a line, and lines\n"
      "beginning with '#'. The command line comes before it.\n\n"
      "Example: sluiced --root /srv/files --listen tcp://0.0.0.0:5970");
  app.add_option("--root", config.root, "the directory to serve; must exist")->required();
  app.add_option("--listen", config.listen,
                 "endpoint for clients, tcp:// or ipc://; may be given again")
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--workers-listen", config.workers_listen,
                 "endpoint for worker processes; for tcp the next port is used too");
  app.add_option("--threads", config.threads,
                 "worker threads in this process; 0: worker processes alone")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  app.add_option("--lease", typed.lease_s,
                 "seconds that a session and its locks outlive its silence")
      ->check(numbers_between(0.5, 3600))
      ->capture_default_str();
  app.add_option("--durability", typed.durability,
                 "full: what is seen survives a power loss; relaxed: the last moments may be lost")
      ->check(CLI::IsMember({"full", "relaxed"}))
      ->capture_default_str();
  app.set_config("--config", "", "a file with these options")->option_text("FILE");
  app.allow_config_extras(CLI::config_extras_mode::error);
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
  Typed typed;
  describe(app, config, typed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  config.lease_ms = static_cast<std::uint32_t>(typed.lease_s * 1000);
  config.durability = typed.durability == "full" ? Durability::full : Durability::relaxed;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("sluiced"));
  // Chunks come and go: keep them in the heap instead of mapping each anew.
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  return run(config);
}
