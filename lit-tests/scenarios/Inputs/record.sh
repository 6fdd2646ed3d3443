#!/bin/sh
# Records the scenarios anew: record.sh MNEME FOLDER writes FOLDER/NAME.mn.xz for each program.
# The programs run in a temporary folder, so that no path of this machine gets into a log.
# What is needed besides mneme is listed, with versions, in RECORDED.md.
set -eu

mneme=$(realpath "$1")
folder=$(realpath "$2")
inputs=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$inputs"/* "$work"
cd "$work"

trace_by_valgrind() {
  name=$1
  shift
  valgrind --trace-malloc=yes --log-file="$name.log" "$@" > "$name.output"
}

trace_by_valgrind sqlite3 sqlite3 -batch words.db < index.sql

trace_by_valgrind lua lua5.4 report.lua

cp /usr/include/c++/12/bits/ranges_util.h .
trace_by_valgrind clang-format clang-format-22 --style=Google ranges_util.h

cc -shared -fPIC -o start_mtrace.so start_mtrace.c
/usr/bin/python3 orders.py > orders.json
MALLOC_TRACE=jq.log LD_PRELOAD="./start_mtrace.so libc_malloc_debug.so.0" \
  jq -c -f orders.jq orders.json > jq.output

for name in sqlite3 lua clang-format jq; do
  "$mneme" import "$name.log" > "$name.mn"
  xz -9e "$name.mn"
  mv "$name.mn.xz" "$folder/$name.mn.xz"
done
