// sluice-worker: worker threads in a process of their own, joined to a broker over ipc or tcp.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "runtime/descriptors.hpp"
#include "runtime/freed_memory.hpp"
#include "runtime/poller.hpp"
#include "runtime/signals.hpp"
#include "storage/posix_storage.hpp"
#include "workers/host.hpp"

namespace {

int run(const std::string& root, const sluice::workers::HostConfig& config) {
  using namespace sluice;
  runtime::SignalFd signals{SIGINT, SIGTERM};
  runtime::raise_descriptor_limit();
  auto storage = storage::open_root(root, storage::Role::worker);
  if (!storage) {
    std::fprintf(stderr, "sluice-worker: %s\n", protocol::sentence(storage.error()).c_str());
    return 1;
  }
  runtime::Context context;
  workers::Host host(context, **storage, config);
  std::printf("sluice-worker joining %s root %s threads %u\n", config.join.c_str(), root.c_str(),
              config.threads);
  std::fflush(stdout);
  runtime::Poller poller;
  poller.watch(signals.fd(), [] {});
  poller.watch(host.ended_fd(), [] {});
  poller.wait(std::chrono::milliseconds(-1));
  host.stop();
  if (const auto failure = host.failure()) {
    std::fprintf(stderr, "sluice-worker: %s\n", protocol::sentence(*failure).c_str());
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sluice::runtime::fill_standard_streams();
  CLI::App app{
      "A worker process of a Sluice file server: does the disk work for a sluiced elsewhere."};
  app.footer(
      "Example: sluice-worker --root /srv/files --join ipc:///run/sluice/workers --threads 2");
  std::string root;
  sluice::workers::HostConfig config;
  app.add_option("--root", root, "the directory that sluiced serves")->required();
  app.add_option("--join", config.join, "the endpoint of sluiced --workers-listen")->required();
  app.add_option("--threads", config.threads, "worker threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.set_version_flag("--version", "sluice-worker " SLUICE_VERSION);
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return "sluice-worker: " +
           sluice::protocol::sentence({sluice::protocol::Code::usage, {}, error.what()}) + "\n";
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  char host[256] = "worker";
  gethostname(host, sizeof host - 1);
  config.name = std::string(host) + ":" + std::to_string(getpid());
  sluice::runtime::keep_freed_memory();
  return run(root, config);
}
