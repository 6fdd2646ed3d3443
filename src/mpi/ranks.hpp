// purpose: the calls of MPI that the search needs, for values that are copied byte by byte.
// layer: mpi; includes MPI.
// threads: one in each rank. All ranks make the same calls in the same order.
// invariants: what goes wrong in one rank is known to all before the next exchange, so none waits
//   for a rank that has stopped.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <exception>
#include <new>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

namespace mneme::driver {

/// All ranks, as one of them sees them.
class Ranks {
 public:
  Ranks() {
    (void)MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    (void)MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }

  [[nodiscard]] std::size_t rank() const { return static_cast<std::size_t>(rank_); }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(size_); }
  [[nodiscard]] bool is_first() const { return rank_ == 0; }

  [[nodiscard]] std::uint64_t max(std::uint64_t value) { return reduce(value, MPI_MAX); }
  [[nodiscard]] std::uint64_t min(std::uint64_t value) { return reduce(value, MPI_MIN); }
  [[nodiscard]] std::uint64_t sum(std::uint64_t value) { return reduce(value, MPI_SUM); }

  /// The value of each rank.
  [[nodiscard]] std::vector<std::uint64_t> all(std::uint64_t value) {
    std::vector<std::uint64_t> values(size());
    wait([&] {
      (void)MPI_Allgather(&value, 1, MPI_UINT64_T, values.data(), 1, MPI_UINT64_T, MPI_COMM_WORLD);
    });
    return values;
  }

  /// Gives all ranks what one has.
  template <class T>
  void broadcast(std::span<T> values, std::size_t from) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (from == rank() && size() > 1) sent_bytes_ += values.size_bytes();
    wait([&] {
      (void)MPI_Bcast(values.data(), static_cast<int>(values.size_bytes()), MPI_BYTE,
                      static_cast<int>(from), MPI_COMM_WORLD);
    });
  }

  /// Runs f, and keeps what it throws for the next round.
  template <class F>
  void guard(F f) {
    try {
      f();
    } catch (const std::bad_alloc&) {
      stop(memory_ended);
    } catch (...) {
      error_ = std::current_exception();
      stop(failed);
    }
  }
  /// All ranks stop at the next round; the largest reason counts.
  void stop(std::uint64_t reason) { reason_ = std::max(reason_, reason); }
  /// Whether all go on.
  [[nodiscard]] bool go_on() { return (reason_ = max(reason_)) == 0; }
  [[nodiscard]] std::uint64_t reason() const { return reason_; }
  [[nodiscard]] const std::exception_ptr& error() const { return error_; }

  /// Rounds, until no rank has more to send: `produce(outgoing)` fills a list for each rank, and
  /// returns whether it has more; `consume(value, from)` is called for what came. False if a rank
  /// stopped.
  template <class T, class Produce, class Consume>
  [[nodiscard]] bool in_rounds(Produce produce, Consume consume) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<std::vector<T>> outgoing(size());
    std::vector<T> sent;
    std::vector<T> received;
    for (bool has_more = true; has_more;) {
      for (auto& each : outgoing) each.clear();
      sent.clear();
      guard([&] {
        has_more = produce(outgoing);
        for (const auto& each : outgoing) sent.insert(sent.end(), each.begin(), each.end());
      });
      const std::vector<int> counts = exchange_counts<T>(outgoing);
      const std::size_t bytes = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
      guard([&] { received.resize(bytes / sizeof(T)); });
      has_more = max(has_more ? 1 : 0) != 0;
      if (!go_on()) return false;
      exchange(outgoing, sent, counts, received);
      guard([&] {
        auto value = received.begin();
        for (std::size_t from = 0; from < size(); ++from) {
          const std::size_t count = static_cast<std::size_t>(counts[from]) / sizeof(T);
          for (std::size_t each = 0; each < count; ++each) consume(*value++, from);
        }
      });
    }
    return go_on();
  }

  /// To other ranks, so far.
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }
  /// Of processor time, without the calls of MPI.
  [[nodiscard]] std::uint64_t busy_microseconds() const { return now() - waited_; }

  static constexpr std::uint64_t memory_ended = 1;  // as Bound::memory
  static constexpr std::uint64_t failed = 100;      // behind each Bound

 private:
  template <class F>
  void wait(F call) {
    const std::uint64_t before = now();
    call();
    waited_ += now() - before;
  }

  [[nodiscard]] static std::uint64_t now() {
    timespec time{};
    (void)::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec) / 1'000;
  }

  [[nodiscard]] std::uint64_t reduce(std::uint64_t value, MPI_Op how) {
    wait([&] { (void)MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_UINT64_T, how, MPI_COMM_WORLD); });
    return value;
  }

  /// In bytes.
  template <class T>
  [[nodiscard]] static std::vector<int> sizes_of(const std::vector<std::vector<T>>& outgoing) {
    std::vector<int> sizes(outgoing.size());
    std::ranges::transform(outgoing, sizes.begin(), [](const std::vector<T>& each) {
      return static_cast<int>(each.size() * sizeof(T));
    });
    return sizes;
  }

  template <class T>
  [[nodiscard]] std::vector<int> exchange_counts(const std::vector<std::vector<T>>& outgoing) {
    const std::vector<int> to = sizes_of(outgoing);
    std::vector<int> from(size());
    wait([&] {
      (void)MPI_Alltoall(to.data(), 1, MPI_INT, from.data(), 1, MPI_INT, MPI_COMM_WORLD);
    });
    return from;
  }

  template <class T>
  void exchange(const std::vector<std::vector<T>>& outgoing, const std::vector<T>& sent,
                const std::vector<int>& counts, std::vector<T>& received) {
    const std::vector<int> to = sizes_of(outgoing);
    std::vector<int> to_starts(size());
    std::vector<int> from_starts(size());
    std::exclusive_scan(to.begin(), to.end(), to_starts.begin(), 0);
    std::exclusive_scan(counts.begin(), counts.end(), from_starts.begin(), 0);
    sent_bytes_ += (sent.size() - outgoing[rank()].size()) * sizeof(T);
    wait([&] {
      (void)MPI_Alltoallv(sent.data(), to.data(), to_starts.data(), MPI_BYTE, received.data(),
                          counts.data(), from_starts.data(), MPI_BYTE, MPI_COMM_WORLD);
    });
  }

  int rank_ = 0;
  int size_ = 1;
  std::uint64_t reason_ = 0;
  std::exception_ptr error_;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t waited_ = 0;
};

}  // namespace mneme::driver
