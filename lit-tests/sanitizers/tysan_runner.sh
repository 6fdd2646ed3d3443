#!/usr/bin/env bash
# Runs a program built with TypeSanitizer, whose reports leave the exit code as it was: fails with 98
# if there was one.
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
"$@" 2>"$errors"
code=$?
cat "$errors" >&2
if grep -q 'ERROR: TypeSanitizer' "$errors"; then exit 98; fi
if ((code > 128)); then kill -s "$((code - 128))" $$; fi  # as it ended
exit "$code"
