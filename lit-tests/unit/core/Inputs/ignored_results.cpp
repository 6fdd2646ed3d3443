// purpose: each result that would be a leak or a lost error if it was dropped, dropped.
// layer: tests; includes everything.
// threads: none; it is compiled, for what its compiler says.
// invariants: each line below has its warning, and there is no other.
#include <mneme/mneme.hpp>
#include <mneme/raw/bounded.hpp>
#include <mneme/raw/first_fit.hpp>

using namespace mneme;

void requests(Heap& heap, Layout layout) {
  heap.allocate(layout);         // expected-warning {{ignoring return value}}
  heap.make<int>(1);             // expected-warning {{ignoring return value}}
  heap.make_array<int>(1);       // expected-warning {{ignoring return value}}
  heap.make_fixed_vec<int>(1);   // expected-warning {{ignoring return value}}
  heap.make_arc<int>(1);         // expected-warning {{ignoring return value}}
  heap.allocate(layout).poll();  // expected-warning {{ignoring return value}}
  heap.make<int>(1).poll();      // expected-warning {{ignoring return value}}
}

void heaps(Heap& heap, Layout layout, void* payload, std::span<std::byte> region) {
  Heap::bootstrap(region);                   // expected-warning {{ignoring return value}}
  heap.try_allocate(layout);                 // expected-warning {{ignoring return value}}
  heap.try_resize(payload, layout, layout);  // expected-warning {{ignoring return value}}
  heap.try_lock();                           // expected-warning {{ignoring return value}}
  heap.try_lock().allocate(layout);          // expected-warning {{ignoring return value}}
  heap.try_lock().stats();                   // expected-warning {{ignoring return value}}
  heap.try_lock().validate();                // expected-warning {{ignoring return value}}
  heap.check_layout(layout);                 // expected-warning {{ignoring return value}}
  heap.is_closed();                          // expected-warning {{ignoring return value}}
  heap.is_locked();                          // expected-warning {{ignoring return value}}
  heap.capacity_bytes();                     // expected-warning {{ignoring return value}}
  heap.counters();                           // expected-warning {{ignoring return value}}
  heap.stats();                              // expected-warning {{ignoring return value}}
  heap.validate();                           // expected-warning {{ignoring return value}}
  heap.raw();                                // expected-warning {{ignoring return value}}
}

void owners(Allocation<>& block, Box<int>& box, Array<int>& array, FixedVec<int>& vec,
            Arc<int>& arc, void* payload, Layout layout) {
  block.leak();                                // expected-warning {{ignoring return value}}
  box.leak();                                  // expected-warning {{ignoring return value}}
  array.leak();                                // expected-warning {{ignoring return value}}
  vec.leak();                                  // expected-warning {{ignoring return value}}
  arc.leak();                                  // expected-warning {{ignoring return value}}
  arc.clone();                                 // expected-warning {{ignoring return value}}
  vec.push(1);                                 // expected-warning {{ignoring return value}}
  vec.pop();                                   // expected-warning {{ignoring return value}}
  Allocation<>::from_leaked(payload, layout);  // expected-warning {{ignoring return value}}
  Box<int>::from_leaked(nullptr);              // expected-warning {{ignoring return value}}
  Array<int>::from_leaked({});                 // expected-warning {{ignoring return value}}
  FixedVec<int>::from_leaked({});              // expected-warning {{ignoring return value}}
  Arc<int>::from_leaked(nullptr);              // expected-warning {{ignoring return value}}
}

void raw_heaps(FirstFit& first, Bounded& bounded, BlockLayout layout, std::byte* block) {
  first.allocate(layout);             // expected-warning {{ignoring return value}}
  first.deallocate(block, 16);        // expected-warning {{ignoring return value}}
  first.resize(block, 16, layout);    // expected-warning {{ignoring return value}}
  bounded.allocate(layout);           // expected-warning {{ignoring return value}}
  bounded.deallocate(block, 16);      // expected-warning {{ignoring return value}}
  bounded.resize(block, 16, layout);  // expected-warning {{ignoring return value}}
}
