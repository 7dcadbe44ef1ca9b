// What a sluice::Watcher has. Read on: client/watcher.cpp.
#pragma once

#include <memory>
#include <string>

#include "client/operations.hpp"
#include "sluice/watcher.hpp"

namespace sluice {

struct __attribute__((visibility("hidden"))) Watcher::Impl {
  std::shared_ptr<const client::Operations> operations;
  std::string path;
  /// `after` is where to go on.
  Watching watching;
};

}  // namespace sluice
