// A server of a few lines in the place of a connection: files in memory, with faults on demand. It
// answers on a thread of its own, always all that has come meanwhile, the last first.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "client/requester.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/files.hpp"
#include "protocol/messages/locks.hpp"

namespace sluice::tests {

class FakeServer final : public client::Requester {
 public:
  FakeServer();
  ~FakeServer() override;

  std::uint64_t submit(runtime::Message request, Answer answer) override;
  void cancel(std::uint64_t handle) override;
  std::optional<client::ServerLimits> limits() const override;

  /// Waits until all that was asked is answered.
  void settle();
  /// The answer to one request about files; as the script of a TcpServer too.
  runtime::Message serve(const runtime::Message& request);

  client::ServerLimits granted{1u << 20, 128u << 10, 1'000};
  bool welcomed = true;
  /// Asked before each request is served; an error becomes its answer, Code{} none at all
  /// (`timed_out` if the request has a time).
  std::function<std::optional<protocol::Error>(const runtime::Message&)> fault;
  /// Changes an answer on its way out.
  std::function<void(runtime::Message&)> tamper;

  struct File {
    std::string bytes;
    std::uint64_t version = 0;
    protocol::Preserve preserve;
    protocol::Terms terms;
  };
  // Looked at when settled.
  std::map<std::string, File> files;
  /// What a verify finds in the place of what was stored.
  std::map<std::string, std::string> on_disk;
  std::map<std::string, std::string> uploads;
  /// Leaves of what has arrived of each, zeros where one is missing.
  std::map<std::string, std::string> arrived;
  std::uint64_t chunk_bytes_got = 0;
  /// As an older server does not.
  bool takes_zeros = true;
  std::uint64_t zero_bytes_got = 0;
  std::uint64_t zero_bytes_announced = 0;
  std::vector<protocol::Durability> chunk_durabilities;
  std::uint64_t read_bytes_given = 0;
  std::map<std::string, File> snapshots;
  std::vector<protocol::LockEntry> locks;
  std::map<protocol::Type, int> seen;
  std::size_t most_bytes_at_once = 0;
  std::size_t cancelled = 0;

 private:
  struct Job {
    std::uint64_t handle = 0;
    runtime::Message request;
    Answer answer;
  };
  void run();
  runtime::Message serve_upload(const runtime::Message& request);
  runtime::Message serve_resume(const runtime::Message& request);
  void store_leaves(const std::string& upload, std::uint64_t offset, std::string_view bytes);
  runtime::Message serve_download(const runtime::Message& request);
  runtime::Message serve_verify(const runtime::Message& request);
  std::uint64_t store(const std::string& path, std::string bytes,
                      const protocol::Preserve& preserve, const protocol::Terms& terms);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Job> jobs_;
  std::vector<Job> unanswered_;
  bool serving_ = false;
  bool stopping_ = false;
  std::uint64_t last_handle_ = 0;
  std::uint64_t last_version_ = 0;
  std::thread thread_;
};

}  // namespace sluice::tests
