// The id of an upload, remembered on this machine until the upload is over, so that another process
// can go on where this one was killed. Whoever knows the id can go on with it, so it is drawn at
// random and lies in a file of this user's alone. Used by the thread of the call. Read on:
// client/transfer/upload.cpp, docs/protocol.md, "Uploads".
#pragma once

#include <string>

#include "protocol/codec.hpp"

namespace sluice::client {

class RememberedUpload {
 public:
  /// The id that was remembered for `key`, or a fresh one, remembered from here on. An empty key,
  /// or no place to remember it: a fresh one that nobody will find again.
  static RememberedUpload recall(const std::string& key);

  const protocol::Binary& id() const { return id_; }
  bool is_remembered() const { return !path_.empty(); }
  /// An earlier try has begun it, or another process is just sending it.
  bool was_begun() const { return was_begun_; }
  /// The upload is over. Nothing happens if something else is remembered there by now.
  void forget();

 private:
  protocol::Binary id_;
  bool was_begun_ = false;
  /// Empty if it is not remembered.
  std::string path_;
};

}  // namespace sluice::client
