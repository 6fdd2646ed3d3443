/* A signal comes while the recorder has its lock: right after it took it, or right before it leaves it.
   The handler exits, or forks. Usage: interrupted_recorder lock|unlock|fork exit|fork */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int (*next_lock)(pthread_mutex_t *);
static int (*next_unlock)(pthread_mutex_t *);
static volatile sig_atomic_t before_unlock, after_lock, forks;

int pthread_mutex_lock(pthread_mutex_t *mutex) {
  if (next_lock == NULL) *(void **)&next_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
  const int result = next_lock(mutex);
  if (after_lock) {
    after_lock = 0;
    raise(SIGUSR1);
  }
  return result;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  if (next_unlock == NULL) *(void **)&next_unlock = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
  if (before_unlock) {
    before_unlock = 0;
    raise(SIGUSR1);
  }
  return next_unlock(mutex);
}

static void handle(int number) {
  (void)number;
  if (!forks) _exit(0);
  const pid_t child = fork();
  if (child == 0) _exit(0);
  int status = 1;
  if (waitpid(child, &status, 0) != child || status != 0) _exit(1);
}

int main(int argc, char **argv) {
  alarm(5); /* a deadlock is a failure */
  if (argc < 3) return 2;
  signal(SIGUSR1, handle);
  forks = strcmp(argv[2], "fork") == 0;
  before_unlock = strcmp(argv[1], "unlock") == 0;
  after_lock = !before_unlock;
  if (strcmp(argv[1], "fork") == 0) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    int status = 1;
    if (waitpid(child, &status, 0) != child || status != 0) return 1;
  }
  free(malloc(10));
  void *odd = aligned_alloc((size_t)-1, 8); /* an alignment that glibc refuses */
  return odd != NULL || after_lock || before_unlock;
}
