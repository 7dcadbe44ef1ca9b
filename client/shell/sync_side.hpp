// The two ends of a sync, which look alike: a tree of this machine, and one of the server. Paths
// are whole ones of that side. Any thread of a command; what fails is thrown as Error. Read on:
// sync.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/shell/invocation.hpp"
#include "client/shell/sync_plan.hpp"

namespace sluice::shell {

class SyncSide {
 public:
  virtual ~SyncSide() = default;
  /// As messages tell it.
  virtual const char* place() const = 0;
  /// What is at a path, links followed; nothing if nothing is.
  virtual std::optional<SyncEntry> look(const std::string& path) = 0;
  /// Sorted by name, links not followed.
  virtual std::vector<SyncEntry> list(const std::string& directory) = 0;
  /// Of the bytes of a file that was listed; empty if none is known.
  virtual std::string digest(const std::string& path, const SyncEntry& entry) = 0;
  /// Of the target: as the server has it for `keep_mode` and the like.
  virtual std::uint32_t file_mode_bits() const = 0;
  virtual void make_directory(const std::string& path) = 0;
  /// Mode and time as of `like`. Those of the server's root are left alone.
  virtual void set_attributes(const std::string& path, const SyncEntry& like) = 0;
  /// A directory with all beneath it. What is gone already is no failure.
  virtual void remove(const std::string& path, const SyncEntry& entry) = 0;
};

class LocalSide final : public SyncSide {
 public:
  explicit LocalSide(Invocation& run) : run_(run) {}

  const char* place() const override { return "on this machine"; }
  std::optional<SyncEntry> look(const std::string& path) override;
  std::vector<SyncEntry> list(const std::string& directory) override;
  std::string digest(const std::string& path, const SyncEntry& entry) override;
  std::uint32_t file_mode_bits() const override { return 07777; }
  void make_directory(const std::string& path) override;
  void set_attributes(const std::string& path, const SyncEntry& like) override;
  void remove(const std::string& path, const SyncEntry& entry) override;

 private:
  Invocation& run_;
};

class RemoteSide final : public SyncSide {
 public:
  /// `change` is how what changes is asked for.
  RemoteSide(Invocation& run, Change change)
      : run_(run), client_(run.client()), change_(std::move(change)) {}

  const char* place() const override { return "on the server"; }
  std::optional<SyncEntry> look(const std::string& path) override;
  std::vector<SyncEntry> list(const std::string& directory) override;
  std::string digest(const std::string& path, const SyncEntry& entry) override;
  std::uint32_t file_mode_bits() const override;
  void make_directory(const std::string& path) override;
  void set_attributes(const std::string& path, const SyncEntry& like) override;
  void remove(const std::string& path, const SyncEntry& entry) override;

 private:
  Invocation& run_;
  Client& client_;
  const Change change_;
};

}  // namespace sluice::shell
