#!/usr/bin/env bash
# scripts/perf-guard sees more instructions and fewer, and keeps quiet about other compilers. guard_test.sh BUILD_FOLDER
# shellcheck source=benchmarks/tests/tried.sh
source "$(dirname "$0")/tried.sh"
build=$1
guard() {
  local status=0
  "$root/scripts/perf-guard" --build "$build" --baseline "$scratch/baseline" "$@" >"$scratch/output" 2>&1 || status=$?
  echo "$status"
}

sed -n '/^#/p' "$root/benchmarks/perf-baseline.txt" >"$scratch/baseline"
echo "           1  layer 8x64 f32 train" >>"$scratch/baseline"
status=$(guard --update)
[[ $status != 77 ]] || exit 77
[[ $status == 0 ]] || fail "--update failed"
count=$(sed -n 's/^ *\([0-9]\+\) .*/\1/p' "$scratch/baseline")
((count > 100)) || fail "only $count instructions were counted"
[[ $(guard) == 0 ]] || fail "two counts of the same differ"
for factor in 90 110; do
  sed -i "s/^ *[0-9]\+ /$((count * factor / 100)) /" "$scratch/baseline"
  [[ $(guard) == 1 ]] || fail "a baseline of $factor % of the count passes"
  grep -q "$([[ $factor == 90 ]] && echo MORE || echo FEWER)" "$scratch/output" || fail "the change is not named"
done
sed -i 's/^# compiler .*/# compiler GNU 1.0/' "$scratch/baseline"
[[ $(guard) == 77 ]] || fail "another compiler's counts are compared"
