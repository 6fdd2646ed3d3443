// purpose: a shared object that records the malloc calls of any program; tools/record preloads it.
// layer: record; includes record and glibc.
// threads: any; also before main, while threads end, and in a child of fork, which is not recorded.
// invariants: no call of the program has another result than without it; errno stays as it was.
//
// The order of the records is that of the allocator for each address: a block is recorded after it
// was allocated, and before it is freed; a realloc is one step.
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mneme/layout.hpp>
#include <mneme/recording/record.hpp>

// The allocator behind the names that this file takes over.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): glibc's
extern "C" {
void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* block, std::size_t size) noexcept;
void* __libc_memalign(std::size_t align, std::size_t size) noexcept;
void __libc_free(void* block) noexcept;
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace {

using mneme::Event;

/// The file that tools/record names here. It is taken out of the environment, so that a program
/// that this one starts does not write to the same file.
constexpr const char* file_variable = "MNEME_RECORD_FILE";
constexpr std::size_t malloc_align = 2 * sizeof(void*);

enum class State : std::uint8_t { unopened, open, closed };

struct Recording {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  State state = State::unopened;
  int file = -1;
  pid_t process = 0;
  std::size_t records = 0;
  std::atomic<std::size_t> lost = 0;  // counted without the lock
  char* window = nullptr;  // the part of the file that is mapped: what is in it outlives a crash
  off_t window_start = 0;
  std::size_t used = 0;  // of the window
};
constexpr std::size_t window_bytes = std::size_t{1} << 20U;
constinit Recording recording;
// A handler of a signal may come in the middle of a record, and call malloc although it must not,
// or _exit. So this is true a little longer than the lock is held: never is it false while it is.
[[gnu::tls_model("initial-exec")]] constinit thread_local bool has_lock = false;

/// Holds the lock of the recording, unless this thread has it already.
class Lock {
 public:
  Lock() noexcept : is_nested_(has_lock), errno_(errno) {
    if (is_nested_) return;
    has_lock = true;
    pthread_mutex_lock(&recording.mutex);
  }
  ~Lock() {
    if (!is_nested_) {
      pthread_mutex_unlock(&recording.mutex);
      has_lock = false;
    }
    errno = errno_;
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  [[nodiscard]] bool is_nested() const noexcept { return is_nested_; }
  /// The error that the program is to see.
  void set_error(int error) noexcept { errno_ = error; }

 private:
  bool is_nested_;
  int errno_;
};

void close_window() noexcept {
  if (recording.window != nullptr) munmap(recording.window, window_bytes);
  recording.window = nullptr;
  recording.window_start += static_cast<off_t>(recording.used);
  recording.used = 0;
}

/// Maps the next part of the file. If that fails, the dump has no end: `mneme import` says that it
/// is cut. Disk blocks are allocated first: a full disk is an error here, not a SIGBUS at a later
/// write.
void open_window() noexcept {
  close_window();
  const off_t start = recording.window_start;
  void* window = MAP_FAILED;
  if (posix_fallocate(recording.file, start, window_bytes) == 0) {
    window = mmap(nullptr, window_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, recording.file, start);
  }
  if (window == MAP_FAILED)
    recording.state = State::closed;
  else
    recording.window = static_cast<char*>(window);
}

void append(const mneme::DumpLine& line) noexcept {
  for (std::size_t at = 0; at < line.size();) {
    if (recording.window == nullptr || recording.used == window_bytes) open_window();
    if (recording.state != State::open) return;
    const std::size_t room = window_bytes - recording.used;
    const std::size_t count = line.size() - at < room ? line.size() - at : room;
    std::memcpy(recording.window + recording.used, line.data() + at, count);
    recording.used += count;
    at += count;
  }
}

/// The lock is held.
[[nodiscard]] bool is_open() noexcept {
  if (recording.state != State::unopened) return recording.state == State::open;
  recording.state = State::closed;
  const char* const path = std::getenv(file_variable);
  if (path == nullptr) return false;
  recording.file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (recording.file < 0) return false;
  recording.process = getpid();
  recording.state = State::open;
  append(mneme::DumpLine{}.head(0, false));
  return true;
}

/// The lock is held.
void put(Event event, const void* block, std::size_t value, std::size_t align = 1) noexcept {
  if (!is_open()) return;
  ++recording.records;
  append(
      mneme::DumpLine{}.record({.event = event,
                                .align_exponent = static_cast<std::uint8_t>(__builtin_ctzll(align)),
                                .thread = mneme::thread_number(),
                                .task = 0,
                                .id = mneme::address_of(block),
                                .value = value}));
}

void count_lost() noexcept {
  // (record.lost) relaxed: counts only; publishes nothing.
  recording.lost.fetch_add(1, std::memory_order_relaxed);
}

void record(Event event, const void* block, std::size_t value, std::size_t align = 1) noexcept {
  const Lock lock;
  if (lock.is_nested())
    count_lost();
  else
    put(event, block, value, align);
}

void* allocated(void* block, std::size_t size, std::size_t align = malloc_align) noexcept {
  if (block != nullptr) record(Event::allocated, block, size, align);
  return block;
}

/// Writes the last line, once. A child of vfork shares this memory, and must not.
void finish() noexcept {
  const Lock lock;
  if (lock.is_nested() || recording.state != State::open || recording.process != getpid()) return;
  // (record.lost_sum) relaxed: counts only; publishes nothing.
  const std::size_t lost = recording.lost.load(std::memory_order_relaxed);
  append(mneme::DumpLine{}.end(recording.records, lost));
  close_window();
  recording.state = State::closed;
  if (ftruncate(recording.file, recording.window_start) == 0) close(recording.file);
}

// Forks of a handler that came in the middle of a record, or of another fork.
[[gnu::tls_model("initial-exec")]] constinit thread_local unsigned nested_forks = 0;

void before_fork() noexcept {
  if (has_lock) {
    ++nested_forks;
    return;
  }
  has_lock = true;
  pthread_mutex_lock(&recording.mutex);
}
void after_fork() noexcept {
  if (nested_forks > 0) {
    --nested_forks;
    return;
  }
  pthread_mutex_unlock(&recording.mutex);
  has_lock = false;
}
void in_child() noexcept {
  if (recording.state == State::open) close(recording.file);
  recording.state = State::closed;
  after_fork();
}

[[gnu::constructor]] void begin() noexcept {
  pthread_atfork(before_fork, after_fork, in_child);
  {
    const Lock lock;
    (void)is_open();
  }
  unsetenv(file_variable);
}
[[gnu::destructor]] void end() noexcept { finish(); }

void* align_to(std::size_t align, std::size_t size) noexcept {
  void* const block = __libc_memalign(align, size);
  // Of an alignment that is no power of two glibc takes the next one, if there is one.
  return block == nullptr ? nullptr : allocated(block, size, std::bit_ceil(align));
}

}  // namespace

#define MNEME_EXPORTED extern "C" [[gnu::visibility("default")]]

MNEME_EXPORTED void* malloc(std::size_t size) noexcept {
  return allocated(__libc_malloc(size), size);
}
MNEME_EXPORTED void* calloc(std::size_t count, std::size_t size) noexcept {
  return allocated(__libc_calloc(count, size), count * size);
}
MNEME_EXPORTED void free(void* block) noexcept {
  if (block != nullptr) record(Event::freed, block, malloc_usable_size(block));
  __libc_free(block);
}

/// The lock is held all the time, as another thread may get the old block before this one returns.
MNEME_EXPORTED void* realloc(void* block, std::size_t size) noexcept {
  if (block == nullptr) return malloc(size);
  Lock lock;
  const std::size_t old_size = malloc_usable_size(block);
  void* const moved = __libc_realloc(block, size);
  if (moved == nullptr && size != 0) lock.set_error(errno);
  if (lock.is_nested()) {
    count_lost();
  } else if (moved == block) {
    put(Event::resized, block, size);
  } else if (moved != nullptr || size == 0) {
    if (moved != nullptr) put(Event::allocated, moved, size, malloc_align);
    put(Event::freed, block, old_size);
  }
  return moved;
}
MNEME_EXPORTED void* reallocarray(void* block, std::size_t count, std::size_t size) noexcept {
  std::size_t bytes = 0;
  if (!__builtin_mul_overflow(count, size, &bytes)) return realloc(block, bytes);
  errno = ENOMEM;
  return nullptr;
}

MNEME_EXPORTED void* memalign(std::size_t align, std::size_t size) noexcept {
  return align_to(align, size);
}
MNEME_EXPORTED void* aligned_alloc(std::size_t align, std::size_t size) noexcept {
#if __GLIBC_PREREQ(2, 38)
  if (!std::has_single_bit(align)) {
    errno = EINVAL;
    return nullptr;
  }
#endif
  return align_to(align, size);
}
MNEME_EXPORTED int posix_memalign(void** block, std::size_t align, std::size_t size) noexcept {
  if (align % sizeof(void*) != 0 || !std::has_single_bit(align)) return EINVAL;
  const int before = errno;
  void* const aligned = align_to(align, size);
  errno = before;
  if (aligned == nullptr) return ENOMEM;
  *block = aligned;
  return 0;
}
MNEME_EXPORTED void* valloc(std::size_t size) noexcept {
  return align_to(static_cast<std::size_t>(getpagesize()), size);
}
MNEME_EXPORTED void* pvalloc(std::size_t size) noexcept {
  const auto page = static_cast<std::size_t>(getpagesize());
  if (size > SIZE_MAX - page) {
    errno = ENOMEM;
    return nullptr;
  }
  return align_to(page, (size + page - 1) / page * page);
}

/// A program that ends without its destructors has a whole recording too.
MNEME_EXPORTED void _exit(int code) {
  finish();
  for (;;) syscall(SYS_exit_group, code);
}
MNEME_EXPORTED void _Exit(int code) { _exit(code); }
