// What a program does with memory that it frees. Called by the programs' main, before any thread
// begins; the client library leaves its application's memory alone, and the shell, which knows the
// library alone, does the same by itself.
#pragma once

#include <malloc.h>

namespace sluice::runtime {

/// Keeps freed memory for the next chunk. Chunks come and go by the thousand, and the C library
/// gives each back to the kernel otherwise, at the price of a page fault for every 4 KiB of the
/// next one: more than all else that a client does with a chunk. What is kept is bounded by what
/// was in use at once.
inline void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

}  // namespace sluice::runtime
