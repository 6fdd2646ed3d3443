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
# Formatting as headers alone: the image that runs the targets has no libfmt.
flags+=(-std=c++23 -pthread -Iinclude -Isrc -DFMT_HEADER_ONLY)

objects=()
for file in src/driver/*/*.cpp fuzz/support/*.cpp; do
  case "${file#src/driver/commands/}" in main.cpp | command_line.cpp | run.cpp) continue ;; esac
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
  # What tools/fuzz tells libFuzzer of it, as `name = value`; files lie beside the target.
  PYTHONPATH=tools python3 -B - "$name" >"$OUT/$name.options" <<'END'
import sys
from fuzzing.common import options_of
print("[libfuzzer]")
for option in options_of(sys.argv[1]):
    name, value = option.removeprefix("-").split("=")
    print(name, "=", value.rpartition("/")[2])
END
done
cp fuzz/script.dict "$OUT/"
