// The options of sluiced, on the command line and in a configuration file. Used by main.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "broker/server.hpp"

namespace sluice::broker {

class Options {
 public:
  /// Describes them to the parser, which writes here: this must stay where it is while it parses.
  explicit Options(CLI::App& app);
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  /// What was parsed.
  ServerConfig config() const;

 private:
  ServerConfig config_;
  /// Those that ServerConfig has in another form.
  double lease_s_ = ServerConfig().lease_ms / 1000.0;
  std::string durability_ = "full";
  std::string lock_durability_ = "full";
};

}  // namespace sluice::broker
