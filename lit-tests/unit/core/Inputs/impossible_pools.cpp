// purpose: pools whose blocks are empty, overflow or are aligned to nothing.
// layer: tests; includes pool.
// threads: none; it is compiled, for what its compiler says.
// invariants: each line below has its error, and there is no other.
#include <mneme/raw/pool.hpp>

// expected-error@*:* {{a pool needs blocks of a byte at least}}
// expected-error@*:* {{no region can hold a block that large}}
// expected-error@*:* {{the alignment is no power of two}}
// expected-note@*:* 0+ {{}}
template class mneme::Pool<0>;
template class mneme::Pool<SIZE_MAX - 7>;
template class mneme::Pool<8, 24>;
template class mneme::Pool<1, 4096>;
