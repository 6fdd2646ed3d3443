// Preloaded together with libc_malloc_debug.so.0: has a program that knows nothing of it write an
// mtrace log to $MALLOC_TRACE, from its first line to its last.
#include <mcheck.h>

__attribute__((constructor)) static void start(void) { mtrace(); }
__attribute__((destructor)) static void stop(void) { muntrace(); }
