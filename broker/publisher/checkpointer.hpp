// The checkpointer actor: syncs the whole tree when the publisher asks for it, which may take long
// and must not hold up commits; so it has a thread of its own. Read on: checkpoints.cpp.
#pragma once

#include "runtime/actor.hpp"
#include "storage/storage.hpp"

namespace sluice::broker::publisher {

class Checkpointer final : public runtime::Actor {
 public:
  explicit Checkpointer(storage::Storage& storage) : storage_(storage) {}

  void on_message(runtime::Message&& message, runtime::Time now, runtime::Outbox& outbox) override;
  void on_tick(runtime::Time, runtime::Outbox&) override {}
  runtime::Time next_tick() const override { return runtime::never; }

 private:
  storage::Storage& storage_;
};

}  // namespace sluice::broker::publisher
