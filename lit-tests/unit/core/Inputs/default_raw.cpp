// purpose: compiles if the raw heap of mneme::Heap is the one that IS names.
// layer: tests; includes mneme.
// threads: none.
// invariants: none.
#include <mneme/mneme.hpp>
#include <mneme/raw/first_fit.hpp>
#include <type_traits>

using Raw = std::remove_cvref_t<decltype(std::declval<mneme::Heap>().raw())>;
static_assert(std::is_same_v<Raw, mneme::InnerRaw<mneme::IS>>);

int main() {}
