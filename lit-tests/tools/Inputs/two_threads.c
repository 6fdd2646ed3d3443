/* Two threads: the second frees what the first requested, in another order, and makes blocks of its own.
   Before it ends, the program forks, and starts another one; neither is part of its recording. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *blocks[4];

static void *second(void *unused) {
  free(blocks[2]);
  free(blocks[0]);
  char *own = calloc(3, 100);
  own = realloc(own, 5000);
  void *aligned = NULL;
  if (posix_memalign(&aligned, 256, 77) != 0 || (uintptr_t)aligned % 256 != 0) abort();
  free(aligned);
  free(own);
  blocks[3] = strdup("passed back");
  return unused;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "child") == 0) return malloc(4321) == NULL;
  for (int i = 0; i < 3; ++i) blocks[i] = malloc(1000 + i);
  pthread_t thread;
  if (pthread_create(&thread, NULL, second, NULL) != 0 || pthread_join(thread, NULL) != 0) abort();
  free(blocks[1]);
  free(blocks[3]);

  errno = 7;
  free(malloc(33));
  if (errno != 7) abort();
  volatile size_t huge = SIZE_MAX / 2;
  if (malloc(huge) != NULL || errno != ENOMEM) abort();
  if (posix_memalign(&blocks[0], 3, 8) != EINVAL || reallocarray(NULL, huge, 4) != NULL) abort();
  void *small = aligned_alloc(64, 64);
  if (realloc(small, huge) != NULL || errno != ENOMEM) abort();
  if (malloc_usable_size(small) < 64 || (uintptr_t)small % 64 != 0) abort();
  free(small);
  free(NULL);

  const pid_t child = fork();
  if (child == 0) {
    free(malloc(4321));
    execl(argv[0], argv[0], "child", (char *)NULL);
  }
  int status = 1;
  if (waitpid(child, &status, 0) != child || status != 0) abort();
  const pid_t vforked = vfork();
  if (vforked == 0) _exit(0);
  if (waitpid(vforked, &status, 0) != vforked) abort();
  free(malloc(2222));
  if (argc > 1 && strcmp(argv[1], "crash") == 0) abort();
  _exit(argc > 1 ? 3 : 0); /* without any destructor */
}
