// A directory read in the background: see name_scan.hpp.
#include "client/shell/interactive/name_scan.hpp"

#include <algorithm>

#include "client/shell/format.hpp"
#include "sluice/error.hpp"

namespace sluice::shell {
namespace {

// A name that cannot be typed is not offered.
bool can_be_typed(const std::string& name) {
  return one_line(name) == name;
}

}  // namespace

NameScan::NameScan(NameQuery query, const MakeSource& make) : query_(std::move(query)) {
  found_.whole = false;
  thread_ = std::jthread([this, make](const std::stop_token& stop) {
    std::string problem;
    try {
      read(*make(query_, stop), stop);
    } catch (const Error& error) {
      problem = error.what();
    }
    const std::lock_guard lock(mutex_);
    found_.whole = problem.empty() && !stop.stop_requested();
    found_.problem = std::move(problem);
    ended_ = true;
    changed_.notify_all();
  });
}

void NameScan::read(NameSource& source, const std::stop_token& stop) {
  source.names(query_.directory, query_.prefix, [&](const Name& name) {
    const bool hidden = name.text.starts_with('.') && !query_.prefix.starts_with('.');
    const bool wanted = !hidden && (name.is_directory || !query_.directories_only);
    if (wanted && can_be_typed(name.text)) {
      const std::string shown = name.text + (name.is_directory ? "/" : "");
      const std::lock_guard lock(mutex_);
      found_.add({query_.mark + query_.directory + shown, escaped(shown), name.description,
                  name.is_directory});
    }
    return !stop.stop_requested();
  });
}

Matches NameScan::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [this] { return ended_; });
  return found_;
}

bool NameScan::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

}  // namespace sluice::shell
