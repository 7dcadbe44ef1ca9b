// See options.hpp.
#include "broker/options.hpp"

namespace sluice::broker {

using publisher::Durability;

namespace {

// CLI::Range finds nothing wrong with what is not a number.
CLI::Validator numbers_between(double min, double max) {
  auto check = [min, max](std::string& text) {
    double number = 0;
    const bool is_number = CLI::detail::lexical_cast(text, number);
    return is_number && number >= min && number <= max ? "" : "'" + text + "' is out of range";
  };
  return {check, "in [" + CLI::detail::to_string(min) + " - " + CLI::detail::to_string(max) + "]"};
}

}  // namespace

Options::Options(CLI::App& app) {
  app.footer(
      "A configuration file has options without their dashes, 'name = value' a line, and lines\n"
      "beginning with '#'. The command line comes before it.\n\n"
      "Example: sluiced --root /srv/files --listen tcp://0.0.0.0:5970");
  app.add_option("--root", config_.root, "the directory to serve; must exist")->required();
  app.add_option("--listen", config_.listen,
                 "endpoint for clients, tcp:// or ipc://; may be given again")
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--workers-listen", config_.workers_listen,
                 "endpoint for worker processes; for tcp the next port is used too");
  app.add_option("--threads", config_.threads,
                 "worker threads in this process; 0: worker processes alone")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  app.add_option("--lease", lease_s_, "seconds that a session and its locks outlive its silence")
      ->check(numbers_between(0.5, 3600))
      ->capture_default_str();
  app.add_option("--durability", durability_,
                 "of puts that do not say theirs: full: what is seen survives a power loss;\n"
                 "relaxed: new files are not waited for, the last of them may be lost")
      ->check(CLI::IsMember({"full", "relaxed"}))
      ->capture_default_str();
  app.add_option(
         "--lock-durability", lock_durability_,
         "full: every lock is on the disk before it is granted; relaxed: locks survive the\n"
         "server's end, and after a power loss nothing is granted for one lease")
      ->check(CLI::IsMember({"full", "relaxed"}))
      ->capture_default_str();
  app.add_flag("--forget-locks", config_.forget_locks,
               "start although the lock journal is damaged, with the locks that can be read");
  app.set_config("--config", "", "a file with these options")->option_text("FILE");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.set_version_flag("--version", "sluiced " SLUICE_VERSION);
}

ServerConfig Options::config() const {
  ServerConfig config = config_;
  config.lease_ms = static_cast<std::uint32_t>(lease_s_ * 1000);
  config.durability = durability_ == "full" ? Durability::full : Durability::relaxed;
  config.lock_durability =
      lock_durability_ == "full" ? locks::LockDurability::full : locks::LockDurability::relaxed;
  return config;
}

}  // namespace sluice::broker
