// purpose: what compiles with owners, and what must not.
// layer: tests; includes mneme.
// threads: one.
// invariants: without MUST_NOT all of it compiles; with MUST_NOT=n the n-th line does not.
#include <cstddef>
#include <mneme/mneme.hpp>
#include <mneme/raw/pool.hpp>
#include <mneme/waiting/reallocate.hpp>
#include <optional>
#include <type_traits>
#include <utility>

namespace {

struct Base {
  virtual ~Base() = default;
};
struct Derived : Base {
  int more = 0;
};
struct Last final : Base {};
struct Plain {};
struct PlainDerived : Plain {};
struct Hidden {
 protected:
  virtual ~Hidden() = default;
};
struct Shown : Hidden {};

using mneme::Array;
using mneme::Box;

template <class From, class To>
constexpr bool becomes = std::is_convertible_v<From, To>;

static_assert(becomes<Box<Derived>, Box<Base>> && becomes<Box<Derived>, Box<const Base>>);
static_assert(becomes<Box<int>, Box<const int>> && becomes<std::nullptr_t, Box<int>>);
static_assert(!becomes<Box<const int>, Box<int>> && !becomes<Box<Base>, Box<Derived>>);
static_assert(!becomes<Box<Derived>&, Box<Base>> && !becomes<const Box<Derived>, Box<Base>>);
// No destructor would free what a derived class adds: it is not virtual, or `make` cannot add one.
static_assert(!becomes<Box<PlainDerived>, Box<Plain>> && !becomes<Box<Last>, Box<Base>>);
static_assert(!becomes<Box<Shown>, Box<Hidden>>);
static_assert(!becomes<Box<int>, Box<long>> && !becomes<int*, Box<int>>);
static_assert(!becomes<mneme::Arc<Derived>, mneme::Arc<Base>>);
static_assert(sizeof(Box<Base>) == sizeof(void*) && sizeof(Box<Derived>) == sizeof(void*));

// The name of a request says what is kept, however the arguments are written.
using heap_request = decltype(std::declval<mneme::Heap&>().make<int>(std::declval<int&>()));
static_assert(std::is_same_v<heap_request, mneme::BoxRequest<int, int>>);
static_assert(std::is_same_v<heap_request, decltype(std::declval<mneme::Heap&>().make<int>(1))>);

struct Keeper {
  std::optional<mneme::BoxRequest<int, int>> box;
  std::optional<mneme::ArrayRequest<int>> array;
  std::optional<mneme::FixedVecRequest<int>> vec;
  std::optional<mneme::ArcRequest<int>> arc;
};

[[maybe_unused]] void all_that_compiles(mneme::Heap& heap, Array<int> array) {
  Keeper keeper;
  keeper.box.emplace(heap, 1);
  keeper.array.emplace(heap, std::size_t{2});
  keeper.vec.emplace(heap, std::size_t{3});
  keeper.arc.emplace(heap);
  (void)(array == Array<int>());
}

#if MUST_NOT == 1
const Array<int> copy = std::declval<Array<int>&>();
#elif MUST_NOT == 2
const mneme::FixedVec<int> copy(std::declval<mneme::FixedVec<int>&>());
#elif MUST_NOT == 3
const bool equal = Box<int>() == Box<long>();
#elif MUST_NOT == 4
struct NotComparable {};
const bool equal = Array<NotComparable>() == Array<NotComparable>();
#elif MUST_NOT == 5
unsigned char letters[64];
mneme::Heap heap{letters};
#elif MUST_NOT == 6
std::optional<mneme::ArrayRequest<int>> request{std::in_place};
#elif MUST_NOT == 7
Box<int> box = 0x40;
#elif MUST_NOT == 8
using Elsewhere = decltype(std::declval<mneme::BasicHeap<mneme::Pool<8>>&>().reallocate(
    std::declval<Array<int>&>(), 9));
#endif

}  // namespace

int main() {}
