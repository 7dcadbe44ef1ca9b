// sluiced: the server. Parses, constructs, runs.
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "broker/options.hpp"
#include "broker/server.hpp"
#include "runtime/descriptors.hpp"
#include "runtime/freed_memory.hpp"

namespace {

using sluice::broker::ServerConfig;

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
  sluice::runtime::fill_standard_streams();
  CLI::App app{"The Sluice file server: files and locks in one protocol."};
  const sluice::broker::Options options(app);
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return "sluiced: " +
           sluice::protocol::sentence({sluice::protocol::Code::usage, {}, error.what()}) + "\n";
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  spdlog::set_default_logger(spdlog::stderr_logger_mt("sluiced"));
  sluice::runtime::keep_freed_memory();
  return run(options.config());
}
