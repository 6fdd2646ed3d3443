// purpose: what the compiler calls by itself, for targets without a C library.
// layer: firmware; includes nothing of mneme.
// threads: any.
// invariants: none.
#include <cstddef>
#include <cstdint>

extern "C" {

void* memset(void* to, int value, std::size_t size) noexcept {
  auto* bytes = static_cast<volatile unsigned char*>(to);
  while (size-- > 0) *bytes++ = static_cast<unsigned char>(value);
  return to;
}

void* memcpy(void* to, const void* from, std::size_t size) noexcept {
  auto* bytes = static_cast<volatile unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  while (size-- > 0) *bytes++ = *source++;
  return to;
}

#if defined(__arm__)

void __aeabi_memset(void* to, std::size_t size, int value) noexcept { memset(to, value, size); }
void __aeabi_memset4(void* to, std::size_t size, int value) noexcept { memset(to, value, size); }
void __aeabi_memclr(void* to, std::size_t size) noexcept { memset(to, 0, size); }
void __aeabi_memclr4(void* to, std::size_t size) noexcept { memset(to, 0, size); }
void __aeabi_memclr8(void* to, std::size_t size) noexcept { memset(to, 0, size); }
void __aeabi_memcpy(void* to, const void* from, std::size_t size) noexcept {
  memcpy(to, from, size);
}
void __aeabi_memcpy4(void* to, const void* from, std::size_t size) noexcept {
  memcpy(to, from, size);
}
void __aeabi_memcpy8(void* to, const void* from, std::size_t size) noexcept {
  memcpy(to, from, size);
}

// The Cortex-M0 has no division. The quotient is in the low half, the remainder in the high one.
std::uint64_t __aeabi_uidivmod(std::uint32_t dividend, std::uint32_t divisor) noexcept {
  std::uint32_t quotient = 0;
  std::uint32_t rest = 0;
  for (int bit = 31; bit >= 0; --bit) {
    rest = rest << 1 | (dividend >> bit & 1);
    if (rest < divisor) continue;
    rest -= divisor;
    quotient |= std::uint32_t{1} << bit;
  }
  return std::uint64_t{rest} << 32 | quotient;
}
std::uint32_t __aeabi_uidiv(std::uint32_t dividend, std::uint32_t divisor) noexcept {
  return static_cast<std::uint32_t>(__aeabi_uidivmod(dividend, divisor));
}

// The leading zeros of a word that is not 0, where there is no instruction for them.
int __clzsi2(std::uint32_t word) noexcept {
  int zeros = 0;
  for (int step = 16; step > 0; step /= 2) {
    if (word >> (32 - step) != 0) continue;
    zeros += step;
    word <<= step;
  }
  return zeros;
}

#endif
}
