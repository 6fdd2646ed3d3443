/* purpose: mneme for programs in C. One C++ file of the program includes mneme/adapters/c.hpp.
 * threads: as the heap: all from any thread, mneme_free and mneme_defer_free also from interrupts.
 * errors: values of mneme_status; no exception leaves a function. Misuse stops checked builds. */
#ifndef MNEME_ADAPTERS_MNEME_H
#define MNEME_ADAPTERS_MNEME_H

#include <stddef.h>

/* NOLINTBEGIN(readability-identifier-naming,performance-enum-size): the names and types of C. */
#ifdef __cplusplus
extern "C" {
#endif

typedef struct mneme_heap mneme_heap;

typedef enum mneme_status {
  MNEME_OK,
  MNEME_WAITING,       /* not an error: the request's callback will be called */
  MNEME_TOO_LARGE,     /* not even the empty heap could meet it */
  MNEME_BAD_ALIGNMENT, /* not a power of two */
  MNEME_CLOSED,        /* the heap was closed */
  MNEME_CANCELLED
} mneme_status;

/* A heap in `size` bytes of memory, with its control block; NULL if that is too little. */
mneme_heap* mneme_create(void* region, size_t size);
/* Misuse while blocks live or requests wait. */
void mneme_destroy(mneme_heap* heap);

/* Memory at once, or NULL if it would have to wait. `align` is a power of two. */
void* mneme_try_allocate(mneme_heap* heap, size_t size, size_t align);
/* Never fails and never waits. Size and alignment are those that were asked for. */
void mneme_free(mneme_heap* heap, void* memory, size_t size, size_t align);
/* The same in O(1): the work is left to the next poll, request or release. */
void mneme_defer_free(mneme_heap* heap, void* memory, size_t size, size_t align);
/* Reclaims what was deferred and grants what then fits: for the idle loop. */
void mneme_poll(mneme_heap* heap);
/* Ends all waiting requests with MNEME_CLOSED, and all later ones at once. */
void mneme_close(mneme_heap* heap);
size_t mneme_used(const mneme_heap* heap); /* bytes, with headers; 0 without statistics */
size_t mneme_waiting(const mneme_heap* heap);

/* Called once when a request is complete, with memory if `status` is MNEME_OK. It runs inside the
 * free that made the room, maybe in an interrupt: it must be short. */
typedef void mneme_callback(void* context, void* memory, mneme_status status);

/* A request that waits: memory of yours, which stays where it is until it is complete or was
 * cancelled. Its fields are the library's. */
typedef struct mneme_request {
  void* space[20];
} mneme_request;

/* MNEME_WAITING if it waits; else it is complete, and `callback` was called already. */
mneme_status mneme_allocate(mneme_request* request, mneme_heap* heap, size_t size, size_t align,
                            mneme_callback* callback, void* context);
/* Ends a request that waits, without a call of its callback: nonzero. 0 if it was complete. Not
 * inside its own callback. */
int mneme_cancel(mneme_request* request);

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming,performance-enum-size) */

#endif
