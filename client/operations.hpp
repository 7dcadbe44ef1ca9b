// Every operation once, for both faces: as a `Start` where it is one message, as a function that
// blocks where it is more. Errors are values here; one that the server left without a path gets
// that of the request, an unreachable server its endpoint. Any thread. Read on: client/client.cpp,
// client/async.cpp, client/lock_operations.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/core.hpp"
#include "client/single_request.hpp"
#include "client/transfer/download.hpp"
#include "client/transfer/upload.hpp"
#include "sluice/client.hpp"

namespace sluice::client {

class Operations {
 public:
  /// `token` goes into changes that name none.
  Operations(std::shared_ptr<Core> core, std::string token)
      : core_(std::move(core)), token_(std::move(token)) {}
  Core& core() const { return *core_; }
  /// The same session, under another token.
  Operations under(std::string token) const { return {core_, std::move(token)}; }
  /// The same without a share of the core, for what must not keep it alive.
  Operations unowned() const;

  Start<ServerStatus> ping(const Call& call) const;
  Start<Attributes> stat(const std::string& path, const Call& call) const;
  Start<std::uint64_t> remove(const std::string& path, bool recursive, const Change& change,
                              const Call& call) const;
  Start<std::uint64_t> rename(const std::string& path, const std::string& to_path,
                              const Change& change, const Call& call) const;
  Start<std::uint64_t> copy(const std::string& path, const std::string& to_path,
                            const Change& change, const Call& call) const;
  Start<std::uint64_t> make_directory(const std::string& path, bool parents, const Change& change,
                                      const Call& call) const;
  Start<std::uint64_t> set_attributes(const std::string& path, const Change& change,
                                      const Call& call) const;
  Start<Lock> acquire(const std::vector<Claim>& claims, const Acquire& how) const;
  Start<NamedLock> acquire_named(const std::string& owner, const std::vector<Claim>& claims,
                                 const Acquire& how) const;
  Start<std::chrono::milliseconds> renew(const std::string& token, const Call& call) const;
  Start<void> upgrade(const std::string& token, const Upgrade& how) const;
  Start<void> downgrade(const std::string& token, const Call& call) const;
  Start<void> release(const std::string& token, const Call& call) const;
  Start<void> break_lock(std::uint64_t number, const Call& call) const;
  /// One request: events after `watching.after`, or where "now" is.
  Start<Events> watch(const std::string& path, const Watching& watching,
                      std::chrono::milliseconds wait, const Call& call) const;
  /// What is larger than one message goes on on a thread of the core's. No progress is told.
  Start<std::uint64_t> put_bytes(const std::string& path, std::string bytes, const Change& change,
                                 const Call& call) const;
  Start<std::string> get_bytes(const std::string& path, const Call& call) const;

  // These block, and call the application's functions on the thread they are called on; what those
  // throw is passed on.
  protocol::Result<void> list(const std::string& path, const EntryPage& page,
                              const Listing& listing, const Call& call) const;
  protocol::Result<void> locks(const std::string& path, const LockPage& page,
                               const Call& call) const;
  protocol::Result<void> get_many(const std::string& directory,
                                  const std::vector<std::string>& names, const GotFiles& file,
                                  const Call& call) const;
  protocol::Result<std::vector<PutFile>> put_many(const std::string& directory,
                                                  const std::vector<SmallFile>& files,
                                                  const Change& change, const Call& call) const;
  protocol::Result<void> get_files(const std::string& directory,
                                   const std::vector<std::string>& names,
                                   const LocalDirectory& local, const MovedFiles& file,
                                   const Call& call) const;
  protocol::Result<void> put_files(const std::string& directory,
                                   const std::vector<std::string>& names,
                                   const LocalDirectory& local, const MovedFiles& file,
                                   const Change& change, const Call& call) const;
  protocol::Result<std::uint64_t> put(const std::string& path, Input& input,
                                      const protocol::Preserve& preserve, const Change& change,
                                      const Call& call) const;
  protocol::Result<std::uint64_t> put(const UploadRequest& request, Input& input,
                                      const Call& call) const;
  protocol::Result<std::uint64_t> put_file(const std::string& path, const LocalFile& local,
                                           const Change& change, const Call& call) const;
  protocol::Result<std::uint64_t> put_stream(const std::string& path, const Stream& stream,
                                             const Change& change, const Call& call) const;
  protocol::Result<Attributes> get(const std::string& path, const Output& output,
                                   const Call& call) const;
  protocol::Result<Attributes> get_file(const std::string& path, const LocalFile& local,
                                        const Call& call) const;
  protocol::Result<Verification> verify(const std::string& path, const Call& call) const;

 private:
  protocol::Terms terms(const Change& change) const;

  std::shared_ptr<Core> core_;
  std::string token_;
};

}  // namespace sluice::client
