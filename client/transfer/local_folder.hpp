// Small files of one local directory, many one after the other: read and made relative to the
// directory. A file that is not there yet is made without a name and gets one when it is whole,
// which costs half of making it under another name first; nothing is left of one that is not. What
// is there already is replaced as everywhere (local_target.hpp). Used by the thread of the call.
#pragma once

#include <string>
#include <string_view>

#include "client/transfer/file_handle.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/files.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

class LocalFolder {
 public:
  /// Fails with `local_io`.
  static protocol::Result<LocalFolder> open(const LocalDirectory& local);

  /// Appends the bytes of a file of up to `most_bytes`. Fails with `too_large`, `local_io`;
  /// with `source_changed` if the file is changed while it is read.
  protocol::Result<protocol::Preserve> load(const std::string& name, std::size_t most_bytes,
                                            std::string& bytes) const;
  /// Fails as LocalTarget does.
  protocol::Result<void> store(const std::string& name, std::string_view bytes,
                               const Attributes& attributes) const;

 private:
  LocalFolder(const LocalDirectory& local, FileHandle directory)
      : local_(local), directory_(std::move(directory)) {}
  std::string path_of(const std::string& name) const { return local_.path + "/" + name; }
  bool make(const std::string& name, std::string_view bytes, const Attributes& attributes) const;

  LocalDirectory local_;
  FileHandle directory_;
};

}  // namespace sluice::client
