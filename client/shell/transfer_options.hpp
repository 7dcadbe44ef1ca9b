// What `put` and `get` have in common on the command line. Plain data. Read on: upload.hpp,
// download.hpp.
#pragma once

#include "client/shell/command_line.hpp"

namespace sluice::shell {

struct TransferOptions {
  bool recursive = false;
  bool keep_existing = false;
  bool progress = false;
  bool quiet = false;
  /// Of a file that is there, only the chunks that differ are moved.
  bool delta = false;
};

/// -r, -n, --progress and -q. `recursive_text` says what -r does.
void add_transfer_options(Command& command, TransferOptions& options,
                          const std::string& recursive_text);

/// Tells the display of progress how much is wanted; before anything is moved. Throws `usage`,
/// about the command named.
void choose_progress(const std::string& command, const TransferOptions& options, Invocation& run);

}  // namespace sluice::shell
