// One run from one seed: a server, workers and clients, faults while they work, then quiet, and at
// the end the questions that can only be asked then. Read on: server.hpp, client.hpp, truth.hpp,
// lock_checker.hpp.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/client.hpp"
#include "tests/sim/server.hpp"

namespace sluice::sim {

struct RunOptions {
  std::uint64_t seed = 0;
  Canary canary = Canary::none;
  /// Events after which a run that has not ended is given up as a failure.
  std::uint64_t max_steps = 400'000;
  /// Lines of history to keep.
  std::size_t trace_lines = 0;
};

struct RunResult {
  /// What was found; empty if nothing.
  std::string violation;
  std::uint64_t steps = 0;
  double virtual_seconds = 0;
  std::uint64_t commits = 0;
  /// Puts that were relaxed, and those of them that a power loss took.
  std::uint64_t relaxed = 0;
  std::uint64_t lost = 0;
  std::uint64_t grants = 0;
  std::uint64_t crashes = 0;
  std::uint64_t power_losses = 0;
  std::uint64_t canary_sang = 0;
  /// Operations whose histories were found linearizable; paths that were too tangled to say.
  std::uint64_t operations = 0;
  std::uint64_t undecided = 0;
  std::map<std::string, std::uint64_t> outcomes;
  std::deque<std::string> trace;
};

RunResult run(const RunOptions& options);

}  // namespace sluice::sim
