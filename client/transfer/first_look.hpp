// What a large upload asks before it sends its bytes: whether its commit would be refused as things
// are. The commit is checked all the same, and only that check counts. The thread of the upload.
// Read on: client/transfer/upload.cpp.
#pragma once

#include "client/pipeline.hpp"
#include "client/transfer/upload.hpp"

namespace sluice::client {

/// Fails as the commit would: `locked`, `exists`, `condition_failed`. What waits for locks may be
/// refused or not by what it waits for, so nothing is asked then. Trouble with asking is none,
/// unless the upload has to end for it.
protocol::Result<void> look_first(Pipeline& pipeline, const UploadRequest& request);

/// Whether a question on the way that failed like this is the end of the upload, too.
bool ends_upload(const protocol::Error& error);

}  // namespace sluice::client
