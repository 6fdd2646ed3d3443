#!/bin/sh
# Runs every NAME.mn of the current folder: it must end with exit code 2 and print exactly NAME.err.
# Usage: check_diagnostics.sh MNEME [ARGUMENT]...
count=0
failed=0
for script in *.mn; do
  name=${script%.mn}
  "$@" run "$script" > "$name.out" 2> "$name.actual"
  code=$?
  if [ $code -ne 2 ]; then
    echo "$script: exit code $code, expected 2"
    failed=1
  fi
  diff -u "$name.err" "$name.actual" || failed=1
  count=$((count + 1))
done
if [ $count -ne "$(ls ./*.err | wc -l)" ]; then
  echo "$count scripts, but another number of .err files"
  failed=1
fi
exit $failed
