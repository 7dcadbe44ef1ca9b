// Descriptors that this process may have open: each client takes two, and each transfer some.
#pragma once

namespace sluice::runtime {

/// Standard streams that were closed become /dev/null, so that nothing opened later takes their
/// place and gets what is meant for them. First of all in a server's main.
void fill_standard_streams();

/// Takes as many as the system allows without asking (the hard limit). To be called by programs at
/// their start.
void raise_descriptor_limit();

}  // namespace sluice::runtime
