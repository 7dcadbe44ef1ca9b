// The same operations as futures: many may be under way at once, without a thread for each.
//
//     auto async = client.async();
//     std::vector<std::future<std::uint64_t>> puts;
//     for (int i = 0; i < 1000; ++i) puts.push_back(async.put_bytes(name(i), bytes(i)));
//     for (auto& put : puts) put.get();
//
// No member blocks (unless said so), and none throws a sluice::Error: failures come out of the
// future's get(). A future may be dropped without being waited for; its operation goes on, and a
// lock that nobody took out of it is released. When the Client is destroyed, what is under way ends
// with `cancelled`. An AsyncClient is a light value; it may outlive its Client, but all it is asked
// for then ends with `cancelled`. Any thread.
//
// Most operations, among them small files from and to memory, are one message each way: they are
// all sent at once, as far as the server lets a session (256 requests), and answered in any order;
// the order in which changes are made is not that of the calls. Those marked "on a thread" share
// four threads of the client's own and wait for one; functions given to them are called there. What
// is larger than one message (128 KiB) is moved there as well. Read on: sluice/client.hpp, which
// says what each operation does and how it fails.
#pragma once

#include <future>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "sluice/error.hpp"
#include "sluice/lock.hpp"
#include "sluice/types.hpp"
#include "sluice/watcher.hpp"

namespace sluice {

/// The face of a Client that hands out futures: Client::async().
class SLUICE_API AsyncClient {
 public:
  /// As Client::ping.
  std::future<ServerStatus> ping(const Call& call = {}) const;

  // --- reading ---

  /// As Client::stat.
  std::future<Attributes> stat(const std::string& path, const Call& call = {}) const;
  /// As Client::list: all entries at once, in the order the disk has them. On a thread.
  std::future<std::vector<Entry>> list(const std::string& path, const Listing& listing = {},
                                       const Call& call = {}) const;
  /// As Client::get. On a thread.
  std::future<Attributes> get(const std::string& path, Sink sink, const Call& call = {}) const;
  /// As Client::get_bytes; on a thread if there is a progress to tell.
  std::future<std::string> get_bytes(const std::string& path, const Call& call = {}) const;
  /// As Client::get_file. On a thread.
  std::future<Attributes> get_file(const std::string& path, const LocalFile& local,
                                   const Call& call = {}) const;
  /// As Client::get_stream; the stream must live until the future is ready. On a thread.
  std::future<Attributes> get_stream(const std::string& path, std::ostream& stream,
                                     const Call& call = {}) const;

  /// As Client::verify. On a thread.
  std::future<Verification> verify(const std::string& path, const Call& call = {}) const;

  // --- changing ---

  /// As Client::put. On a thread.
  std::future<std::uint64_t> put(const std::string& path, Source source, const Change& change = {},
                                 const Call& call = {}) const;
  /// As Client::put_bytes; on a thread if there is a progress to tell.
  std::future<std::uint64_t> put_bytes(const std::string& path, std::string bytes,
                                       const Change& change = {}, const Call& call = {}) const;
  /// As Client::put_file. On a thread.
  std::future<std::uint64_t> put_file(const std::string& path, const LocalFile& local,
                                      const Change& change = {}, const Call& call = {}) const;
  /// As Client::put_stream. On a thread.
  std::future<std::uint64_t> put_stream(const std::string& path, Stream stream,
                                        const Change& change = {}, const Call& call = {}) const;
  /// As Client::put_stream; the stream must live until the future is ready. On a thread.
  std::future<std::uint64_t> put_stream(const std::string& path, std::istream& stream,
                                        const Change& change = {}, const Call& call = {}) const;
  /// As Client::remove.
  std::future<std::uint64_t> remove(const std::string& path, bool recursive = false,
                                    const Change& change = {}, const Call& call = {}) const;
  /// As Client::rename.
  std::future<std::uint64_t> rename(const std::string& path, const std::string& to_path,
                                    const Change& change = {}, const Call& call = {}) const;
  /// As Client::copy.
  std::future<std::uint64_t> copy(const std::string& path, const std::string& to_path,
                                  const Change& change = {}, const Call& call = {}) const;
  /// As Client::make_directory.
  std::future<std::uint64_t> make_directory(const std::string& path, bool parents = false,
                                            const Change& change = {}, const Call& call = {}) const;
  /// As Client::set_attributes.
  std::future<std::uint64_t> set_attributes(const std::string& path, const Change& change,
                                            const Call& call = {}) const;

  // --- locks ---

  /// As Client::acquire.
  std::future<Lock> acquire(const std::vector<Claim>& claims, const Acquire& how = {}) const;
  /// As Lock::release. Waits for an Acquire::on_lost of the lock that is under way.
  std::future<void> release(Lock lock) const;
  /// As Client::acquire_named.
  std::future<NamedLock> acquire_named(const std::string& owner, const std::vector<Claim>& claims,
                                       const Acquire& how) const;
  /// As Client::renew.
  std::future<std::chrono::milliseconds> renew(const std::string& token,
                                               const Call& call = {}) const;
  /// As Client::upgrade.
  std::future<void> upgrade(const std::string& token, const Upgrade& how = {}) const;
  /// As Client::downgrade.
  std::future<void> downgrade(const std::string& token, const Call& call = {}) const;
  /// As Client::release.
  std::future<void> release(const std::string& token, const Call& call = {}) const;
  /// As Client::break_lock.
  std::future<void> break_lock(std::uint64_t number, const Call& call = {}) const;
  /// All holders and waiters, as Client::locks tells them. On a thread.
  std::future<std::vector<LockEntry>> locks(const std::string& path, const Call& call = {}) const;

  // --- watching ---

  /// One step of what Watcher::next does: what happened after Watching::after, as soon as there is
  /// something, or nothing after `wait` (or earlier, where the server has much to look through).
  /// Without `after` there is nothing at once. Go on with `after` = Events::next.
  std::future<Events> watch(const std::string& path, const Watching& watching,
                            std::chrono::milliseconds wait, const Call& call = {}) const;

 private:
  friend class Client;
  explicit AsyncClient(std::shared_ptr<const client::Operations> operations) noexcept;
  std::shared_ptr<const client::Operations> operations_;
};

}  // namespace sluice
