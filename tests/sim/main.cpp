// The simulator's command line: runs seeds, the kept ones first, and prints what a failing one did.
// Read on: run.hpp, canaries.hpp.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <set>

#include "tests/sim/run.hpp"

namespace {

using sluice::sim::RunOptions;
using sluice::sim::RunResult;

struct Options {
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 1000;
  std::uint64_t max_steps = RunOptions{}.max_steps;
  std::size_t lines = 150;
  std::string kept;
  std::string canary;
  bool all_canaries = false;
  bool verbose = false;
  bool keep_going = false;
};

std::vector<std::uint64_t> kept_seeds(const std::string& path) {
  std::vector<std::uint64_t> seeds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') seeds.push_back(std::stoull(line));
  return seeds;
}

void print_failure(const RunOptions& options, const RunResult& result, std::size_t lines) {
  RunOptions again = options;
  again.trace_lines = lines;
  const RunResult traced = sluice::sim::run(again);
  for (const std::string& line : traced.trace) fmt::print("{}\n", line);
  fmt::print("seed {} step {}: {}\n", options.seed, result.steps, result.violation);
  if (traced.violation != result.violation)
    fmt::print("and when run again: {}; the simulator is not deterministic\n", traced.violation);
}

// Runs seeds until the fault is found, by a run that finds nothing without it.
bool is_caught(const std::string& name, const Options& options) {
  RunOptions run_options;
  run_options.canary = sluice::sim::canaries().at(name);
  run_options.max_steps = options.max_steps;
  std::uint64_t sang = 0;
  for (std::uint64_t i = 0; i < options.seeds; ++i) {
    run_options.seed = options.first_seed + i;
    const RunResult result = sluice::sim::run(run_options);
    sang += result.canary_sang;
    if (result.violation.empty()) continue;
    RunOptions without = run_options;
    without.canary = sluice::sim::Canary::none;
    if (!sluice::sim::run(without).violation.empty()) continue;
    fmt::print("{}: caught by seed {} in {} steps: {}\n", name, run_options.seed, result.steps,
               result.violation.substr(0, result.violation.find('\n')));
    return true;
  }
  fmt::print("{}: NOT CAUGHT by {} seeds, in which it sang {} times\n", name, options.seeds, sang);
  return false;
}

int run_canaries(const Options& options) {
  int missed = 0;
  for (const auto& [name, canary] : sluice::sim::canaries())
    if (options.all_canaries || name == options.canary) missed += is_caught(name, options) ? 0 : 1;
  return missed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  // Workers are lost and logs fail all the time here.
  spdlog::set_level(spdlog::level::off);
  Options options;
  CLI::App app("Runs the whole server from seeds");
  app.add_option("--seeds", options.seeds, "how many seeds to run");
  app.add_option("--first-seed", options.first_seed);
  app.add_option("--steps", options.max_steps, "events after which a run is given up");
  app.add_option("--lines", options.lines, "lines of history to print of a failing run");
  app.add_option("--kept", options.kept, "file of seeds to run first");
  std::set<std::string> names;
  for (const auto& [name, canary] : sluice::sim::canaries()) names.insert(name);
  app.add_option("--canary", options.canary, "a deliberate fault that must be found")
      ->check(CLI::IsMember(names));
  app.add_flag("--canaries", options.all_canaries, "all of them, one after the other");
  app.add_flag("--verbose", options.verbose);
  app.add_flag("--keep-going", options.keep_going, "go on after a failure, printing no history");
  CLI11_PARSE(app, argc, argv);
  if (options.all_canaries || !options.canary.empty()) return run_canaries(options);

  std::vector<std::uint64_t> seeds = kept_seeds(options.kept);
  for (std::uint64_t i = 0; i < options.seeds; ++i) seeds.push_back(options.first_seed + i);
  RunResult all;
  std::uint64_t failures = 0;
  for (const std::uint64_t seed : seeds) {
    RunOptions run_options;
    run_options.seed = seed;
    run_options.max_steps = options.max_steps;
    const RunResult result = sluice::sim::run(run_options);
    if (options.verbose)
      fmt::print(
          "seed {}: {} steps, {:.1f} s, {} commits, {} grants, {} crashes, {} power losses\n", seed,
          result.steps, result.virtual_seconds, result.commits, result.grants, result.crashes,
          result.power_losses);
    all.steps += result.steps;
    all.commits += result.commits;
    all.relaxed += result.relaxed;
    all.lost += result.lost;
    all.grants += result.grants;
    all.crashes += result.crashes;
    all.power_losses += result.power_losses;
    all.operations += result.operations;
    all.undecided += result.undecided;
    for (const auto& [outcome, count] : result.outcomes) all.outcomes[outcome] += count;
    if (result.violation.empty()) continue;
    ++failures;
    if (options.keep_going) {
      fmt::print("seed {} step {}: {}\n", seed, result.steps, result.violation);
      continue;
    }
    print_failure(run_options, result, options.lines);
    return 1;
  }
  fmt::print("{} seeds, {} failed: {} events, {} commits, {} locks, {} crashes, {} power losses\n",
             seeds.size(), failures, all.steps, all.commits, all.grants, all.crashes,
             all.power_losses);
  fmt::print("{} puts were relaxed, {} of them lost\n", all.relaxed, all.lost);
  fmt::print("{} operations in linearizable histories, {} histories undecided\n", all.operations,
             all.undecided);
  if (options.verbose)
    for (const auto& [outcome, count] : all.outcomes) fmt::print("  {:>8} {}\n", count, outcome);
  return failures == 0 ? 0 : 1;
}
