/* purpose: a program in C: requests that wait, a callback inside a free, cancelling and closing. */
#include <mneme/adapters/mneme.h>
#include <stdio.h>
#include <string.h>

static _Alignas(16) char region[2048];

struct job {
  mneme_request request;
  const char* name;
  void* memory;
};

static void finished(void* context, void* memory, mneme_status status) {
  struct job* const job = context;
  job->memory = memory;
  printf("%s: %s\n", job->name,
         status == MNEME_OK       ? "has its memory"
         : status == MNEME_CLOSED ? "closed"
                                  : "refused");
}

static mneme_status start(struct job* job, mneme_heap* heap, const char* name, size_t size) {
  job->name = name;
  job->memory = NULL;
  return mneme_allocate(&job->request, heap, size, 8, finished, job);
}

int main(void) {
  struct job first;
  struct job second;
  struct job third;
  mneme_heap* const heap = mneme_create(region, sizeof region);
  if (mneme_create(region, 8) != NULL || heap == NULL) return 1;

  if (start(&first, heap, "first", 1000) != MNEME_OK) return 2;
  memset(first.memory, 7, 1000);
  if (start(&second, heap, "second", 1000) != MNEME_WAITING) return 3;
  if (start(&third, heap, "third", 100) != MNEME_WAITING) return 4;
  if (mneme_try_allocate(heap, 8, 8) != NULL) return 5;
  printf("%zu wait\n", mneme_waiting(heap));
  if (mneme_cancel(&third.request) == 0 || mneme_cancel(&third.request) != 0) return 6;
  printf("third is cancelled, %zu waits\n", mneme_waiting(heap));

  mneme_free(heap, first.memory, 1000, 8);
  if (second.memory == NULL || mneme_cancel(&second.request) != 0) return 7;
  mneme_defer_free(heap, second.memory, 1000, 8);
  printf("%s deferred\n", mneme_used(heap) != 0 ? "still" : "not");
  mneme_poll(heap);
  printf("%zu bytes used\n", mneme_used(heap));

  if (start(&first, heap, "too large", 4096) != MNEME_TOO_LARGE) return 8;
  if (mneme_allocate(&first.request, heap, 8, 3, finished, &first) != MNEME_BAD_ALIGNMENT) return 9;
  if (start(&first, heap, "first again", 1000) != MNEME_OK) return 10;
  if (start(&second, heap, "second again", 1000) != MNEME_WAITING) return 11;
  mneme_close(heap);
  mneme_free(heap, first.memory, 1000, 8);
  if (start(&third, heap, "third again", 8) != MNEME_CLOSED) return 12;
  mneme_destroy(heap);
  return 0;
}
