// Locks of etcd's own lock service over gRPC: a lease a client, granted before the measurement,
// then Lock and Unlock under it. Waiters queue at the server. One thread of ours; gRPC may have
// some of its own. See load.hpp.
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>

#include "bench/peers/load.hpp"
#include "lease.grpc.pb.h"
#include "lock.grpc.pb.h"

namespace sluice::bench::peers {
namespace {

constexpr std::int64_t lease_s = 600;

template <class Response>
struct Call {
  std::optional<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
  Response response;
};

struct Client {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v3lockpb::Lock::Stub> stub;
  std::string name;
  std::int64_t lease = 0;
  Clock::time_point asked_at;
  /// Of the call that is under way; one at a time.
  grpc::Status status;
  bool releasing = false;
  Call<v3lockpb::LockResponse> lock;
  Call<v3lockpb::UnlockResponse> unlock;
};

void check(const grpc::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error_message());
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options), tally_(options) {}

  Result run() {
    const std::string prefix = fresh_prefix();
    for (unsigned i = 0; i < options_.clients; ++i) connect(clients_.emplace_back(), prefix, i);
    tally_.begin();
    for (Client& client : clients_) acquire(client);
    while (!tally_.over()) {
      void* tag = nullptr;
      bool ok = false;
      const auto deadline = std::chrono::system_clock::now() + std::chrono::milliseconds(100);
      if (queue_.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::GOT_EVENT)
        take(*static_cast<Client*>(tag));
    }
    give_back_leases();
    return tally_.result();
  }

 private:
  void connect(Client& client, const std::string& prefix, unsigned index) {
    grpc::ChannelArguments arguments;
    // Otherwise all channels to one address share a connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    client.channel =
        grpc::CreateCustomChannel(options_.server, grpc::InsecureChannelCredentials(), arguments);
    client.stub = v3lockpb::Lock::NewStub(client.channel);
    client.name = options_.op == "lock-contended" ? prefix : fmt::format("{}-{}", prefix, index);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    etcdserverpb::LeaseGrantRequest request;
    request.set_ttl(lease_s);
    etcdserverpb::LeaseGrantResponse response;
    check(etcdserverpb::Lease::NewStub(client.channel)->LeaseGrant(&context, request, &response));
    client.lease = response.id();
  }

  void acquire(Client& client) {
    if (tally_.ending()) return;
    tally_.asked();
    client.asked_at = Clock::now();
    client.releasing = false;
    v3lockpb::LockRequest request;
    request.set_name(client.name);
    request.set_lease(client.lease);
    auto& call = client.lock;
    call.context.emplace();
    call.reader = client.stub->AsyncLock(&*call.context, request, &queue_);
    call.reader->Finish(&call.response, &client.status, &client);
  }

  void release(Client& client) {
    tally_.asked();
    client.releasing = true;
    v3lockpb::UnlockRequest request;
    request.set_key(client.lock.response.key());
    auto& call = client.unlock;
    call.context.emplace();
    call.reader = client.stub->AsyncUnlock(&*call.context, request, &queue_);
    call.reader->Finish(&call.response, &client.status, &client);
  }

  void take(Client& client) {
    if (!client.status.ok()) return tally_.failed(client.status.error_message());
    if (client.releasing) {
      tally_.released();
      acquire(client);
    } else {
      tally_.done(client.asked_at);
      release(client);
    }
  }

  void give_back_leases() {
    for (Client& client : clients_) {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
      etcdserverpb::LeaseRevokeRequest request;
      request.set_id(client.lease);
      etcdserverpb::LeaseRevokeResponse response;
      check(
          etcdserverpb::Lease::NewStub(client.channel)->LeaseRevoke(&context, request, &response));
    }
  }

  const Options& options_;
  Tally tally_;
  std::deque<Client> clients_;
  grpc::CompletionQueue queue_;
};

}  // namespace

const std::vector<std::string> operations = {"lock", "lock-contended"};

Result run_load(const Options& options) {
  return Run(options).run();
}

}  // namespace sluice::bench::peers
