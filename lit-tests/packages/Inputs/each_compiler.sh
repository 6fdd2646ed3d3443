# each_compiler.sh COMPILER TREE OUT [all]: compiles a consumer as a strict one would, once at each level of checks and of
# optimization; or in all pairs of the two.
set -e
checks=("" "-DMNEME_CHECKED=0 -DMNEME_STATS=0" "-DMNEME_CHECKED=2 -DMNEME_QUARANTINE=8")
optimized=("-O0" "-Os -fno-exceptions -fno-rtti" "-O2")
for check in 0 1 2; do
  for level in 0 1 2; do
    [[ $check == "$level" || "$4" == all ]] || continue
    "$1" -std=c++23 -pthread -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror ${optimized[level]} ${checks[check]} \
      -I"$2/include" "$(dirname "$0")/strict.cpp" -o "$3"
    "$3"
  done
done
