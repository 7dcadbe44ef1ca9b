// Descriptors that this process may have open: each client takes two, and each transfer some.
#pragma once

namespace sluice::runtime {

/// Takes as many as the system allows without asking (the hard limit). To be called by programs at
/// their start.
void raise_descriptor_limit();

}  // namespace sluice::runtime
