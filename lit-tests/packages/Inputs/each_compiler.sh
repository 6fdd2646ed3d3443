# each_compiler.sh COMPILER TREE OUT: compiles a consumer as a strict one would, at each level of checks.
set -e
for settings in "" "-DMNEME_CHECKED=0 -DMNEME_STATS=0" "-DMNEME_CHECKED=2 -DMNEME_QUARANTINE=8"; do
  for optimized in -O0 -O2 "-Os -fno-exceptions -fno-rtti"; do
    "$1" -std=c++23 -pthread -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror $optimized $settings -I"$2/include" \
      "$(dirname "$0")/strict.cpp" -o "$3"
    "$3"
  done
done
