// purpose: a consumer that uses each owner, for compilers that warn of all they can.
// layer: tests; includes mneme.
// threads: one.
// invariants: none.
#include <cstdio>
#include <mneme/mneme.hpp>
#include <mneme/waiting/try_allocate.hpp>

namespace {

struct Pair {
  int first = 0;
  long second = 0;
};

struct Base {
  virtual ~Base() = default;
  [[nodiscard]] virtual int number() const { return 1; }
};
struct Derived : Base {
  [[nodiscard]] int number() const override { return 2; }
  long more = 0;
};

}  // namespace

int main() {
  alignas(16) static std::byte region[4096];
  mneme::Heap heap{region};
  auto box = heap.make<Pair>(1, 2L).poll().value().value();
  auto array = heap.make_array<short>(2).poll().value().value();
  auto vec = heap.make_fixed_vec<Pair>(3).poll().value().value();
  auto arc = heap.make_arc<int>(4).poll().value().value();
  auto block = heap.allocate({.size = 5}).poll().value().value();
  const auto other = arc;
  mneme::Box<const Base> base = heap.try_make<Derived>().value();
  const auto text = heap.try_make_array<char>(3).value();
  vec.push_back({3, 4L});
  array[1] = 7;
  const bool is_sound = heap.validate() == nullptr && (MNEME_STATS == 0 || heap.stats().live == 7);
  const bool is_right = box->second == 2 && array[1] == 7 && vec[0].first == 3 && *other == 4 &&
                        base->number() == 2 && text == text;
  std::puts(is_sound && is_right && block ? "sound" : "broken");
  return is_sound && is_right ? 0 : 1;
}
