#!/bin/sh
# Imports every NAME.trace of the current folder: it must print exactly NAME.mn and NAME.err, and end
# with 0 if the summary in NAME.err reports nothing, 1 if it does, 2 if there is no summary.
# Usage: check_import.sh MNEME
count=0
failed=0
for trace in *.trace; do
  name=${trace%.trace}
  "$@" import "$trace" > "$name.out" 2> "$name.actual"
  code=$?
  case $(tail -n 1 "$name.err") in
    *": reported: 0") expected=0 ;;
    *": reported: "*) expected=1 ;;
    *) expected=2 ;;
  esac
  if [ $code -ne $expected ]; then
    echo "$trace: exit code $code, expected $expected"
    failed=1
  fi
  diff -u "$name.err" "$name.actual" || failed=1
  diff -u "$name.mn" "$name.out" || failed=1
  count=$((count + 1))
done
if [ $count -eq 0 ] || [ $count -ne "$(ls ./*.err | wc -l)" ]; then
  echo "$count traces, but another number of .err files"
  failed=1
fi
exit $failed
