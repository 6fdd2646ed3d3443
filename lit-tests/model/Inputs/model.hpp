// purpose: what a model says to be searched, and the memory in it that relacy cannot see by itself.
// room: tests; includes relacy_atomic, and L0.
// threads: those that relacy plays; plain variables of a model are notes, which know all.
// invariants: an access to plain memory that matters is a touch of a Ghost.
#pragma once

// Before any header of mneme.
#define MNEME_ATOMIC_HEADER "../../lit-tests/model/Inputs/relacy_atomic.hpp"

#include <mneme/atomic.hpp>

namespace mneme::model {

/// How a model is searched. Both searches are the same in every run.
struct Plan {
  bool full = false;            // every interleaving there is, or else
  unsigned preemptions = 3;     // every one with at most so many forced changes of threads;
  std::uint64_t random = 4000;  // and so many at random, with older values read more often
};

/// The model of a program. Each defines one, by `const Model the_model = searched<Suite>({…});`.
struct Model {
  Plan plan;
  bool (*simulate)(rl::test_params&);
};
extern const Model the_model;

template <class Suite>
[[nodiscard]] constexpr Model searched(Plan plan) {
  return {plan, [](rl::test_params& parameters) { return rl::simulate<Suite>(parameters); }};
}

/// Stands for plain memory, in which relacy sees no access: two touches that no happens-before
/// orders are a data race. So an order that is too weak shows, even where relacy, whose
/// modification orders are those of the execution, lets the right value through.
class Ghost {
 public:
  void touch(Place at = Place::here()) { variable_(at.info()).store(0); }
  void look(Place at = Place::here()) const { (void)variable_(at.info()).load(); }

 private:
  rl::var<int> variable_{0};
};

}  // namespace mneme::model
