// Names on the server and on this machine, for patterns and completion. The remote source may be
// used by any thread; each object by one. Read on: globs.hpp, completion.hpp.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "client/shell/interactive/globs.hpp"
#include "client/shell/interactive/name_scan.hpp"
#include "sluice/client.hpp"

namespace sluice::shell {

class RemoteNames : public NameSource {
 public:
  /// `directory` is where relative paths start.
  RemoteNames(Client& client, std::string directory, std::stop_token stop)
      : client_(client), directory_(std::move(directory)), stop_(std::move(stop)) {}

  void names(const std::string& directory, const std::string& prefix, const Taker& taker) override;
  bool exists(const std::string& path) override;

 private:
  Client& client_;
  const std::string directory_;
  const std::stop_token stop_;
};

/// The numbers of locks that are held, as names of the root.
class LockNumbers : public NameSource {
 public:
  LockNumbers(Client& client, std::stop_token stop) : client_(client), stop_(std::move(stop)) {}

  void names(const std::string& directory, const std::string& prefix, const Taker& taker) override;
  bool exists(const std::string&) override { return false; }

 private:
  Client& client_;
  const std::stop_token stop_;
};

class LocalNames : public NameSource {
 public:
  explicit LocalNames(std::stop_token stop) : stop_(std::move(stop)) {}

  void names(const std::string& directory, const std::string& prefix, const Taker& taker) override;
  bool exists(const std::string& path) override;

 private:
  const std::stop_token stop_;
};

/// The source for what is meant, on the server or here.
std::unique_ptr<NameSource> source_for(const NameQuery& query, Client& client,
                                       std::stop_token stop);

/// "~" and "~/x" with the user's home directory in its place.
std::string with_home(const std::string& typed);

}  // namespace sluice::shell
