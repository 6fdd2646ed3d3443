#!/bin/bash
# Runs one case of a test program in a static region, then in one from the heap; each must fail.
#
#     in_each_region.sh 'PROGRAM WITH ITS RUNNER' 'CASE'
for region in StaticRegion HeapRegion; do
  echo "In a $region:"
  if $1 "-tc=$2<*$region*" 2>&1; then
    echo "nothing was noticed"
    exit 1
  fi
done
exit 0
