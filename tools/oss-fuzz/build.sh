#!/usr/bin/env bash
# Builds the fuzz targets by the contract of OSS-Fuzz and ClusterFuzzLite: compiler, flags and engine
# come in $CC $CXX $CFLAGS $CXXFLAGS $LIB_FUZZING_ENGINE, and all that a target needs goes to $OUT:
#
#   NAME   NAME_seed_corpus.zip   NAME.options   script.dict
#
# Left out: `threads`, which needs ThreadSanitizer, and `canary`, which is meant to fail.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${CXX:?}" "${LIB_FUZZING_ENGINE:?}" "${OUT:?}"
work="${WORK:-$(mktemp -d)}"
read -ra flags <<<"${CXXFLAGS:-}"
read -ra engine <<<"$LIB_FUZZING_ENGINE"
# Formatting as headers alone: the image that runs the targets has no libfmt, and MSan must see it.
flags+=(-std=c++23 -pthread -Iinclude -Isrc -DFMT_HEADER_ONLY)

# max_len TARGET: as options_of in tools/fuzzing/places.py has it.
max_len() {
  case "$1" in
    script | trace_import) echo 2048 ;;
    coroutines | schedule) echo 400 ;;
    layout) echo 32 ;;
    *) echo 1000 ;;
  esac
}

objects=()
for file in src/driver/*.cpp fuzz/shared/*.cpp; do
  case "$file" in src/driver/main.cpp | src/driver/run.cpp) continue ;; esac
  objects+=("$work/$(basename "$file" .cpp).o")
  "$CXX" "${flags[@]}" -c "$file" -o "${objects[-1]}"
done
rm -f "$work/libparts.a"
ar crs "$work/libparts.a" "${objects[@]}"

for file in fuzz/*.cpp; do
  name="$(basename "$file" .cpp)"
  case "$name" in threads | canary) continue ;; esac
  "$CXX" "${flags[@]}" "$file" "$work/libparts.a" "${engine[@]}" -o "$OUT/$name"
  seeds=("fuzz/seeds/$name"/*)
  if [[ -d "fuzz/findings/$name" ]]; then seeds+=("fuzz/findings/$name"/*); fi
  rm -f "$OUT/${name}_seed_corpus.zip"
  python3 -m zipfile -c "$OUT/${name}_seed_corpus.zip" "${seeds[@]}"
  printf '[libfuzzer]\nmax_len = %s\ntimeout = 20\n' "$(max_len "$name")" >"$OUT/$name.options"
  if [[ "$name" == script ]]; then echo 'dict = script.dict' >>"$OUT/$name.options"; fi
done
cp fuzz/script.dict "$OUT/"
