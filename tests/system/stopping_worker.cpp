// A sluice-worker with a fault point between staging and commit: what it has just staged, it stops
// itself (SIGSTOP) before it can ask for the commit, once, and goes on when somebody continues it.
// Only this test program has the fault point. Arguments: ROOT JOIN.
#include <signal.h>

#include <cstdio>

#include "runtime/poller.hpp"
#include "runtime/signals.hpp"
#include "storage/posix_storage.hpp"
#include "workers/host.hpp"

namespace {

using sluice::protocol::Preserve;
using sluice::protocol::Result;

class StoppingStorage final : public sluice::storage::PosixStorage {
 public:
  using PosixStorage::PosixStorage;

  Result<void> stage_small(const std::string& name, std::span<const char> bytes,
                           const Preserve& preserve) override {
    return stop_after(PosixStorage::stage_small(name, bytes, preserve));
  }
  Result<void> finish_upload(const std::string& name, const sluice::storage::Staged& expected,
                             const Preserve& preserve, bool relaxed) override {
    return stop_after(PosixStorage::finish_upload(name, expected, preserve, relaxed));
  }

 private:
  Result<void> stop_after(Result<void> staged) {
    if (!stopped_) {
      stopped_ = true;
      std::printf("staged\n");
      std::fflush(stdout);
      raise(SIGSTOP);
    }
    return staged;
  }

  bool stopped_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  using namespace sluice;
  if (argc != 3) return 2;
  runtime::SignalFd signals{SIGTERM};
  auto root = storage::prepare_root(argv[1], storage::Role::worker);
  if (!root) {
    std::fprintf(stderr, "%s\n", protocol::sentence(root.error()).c_str());
    return 1;
  }
  StoppingStorage storage(*root);
  runtime::Context context;
  workers::Host host(context, storage, {.join = argv[2], .name = "stopping"});
  runtime::Poller poller;
  poller.watch(signals.fd(), [] {});
  poller.watch(host.ended_fd(), [] {});
  poller.wait(std::chrono::milliseconds(-1));
  return 0;
}
