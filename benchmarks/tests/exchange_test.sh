#!/usr/bin/env bash
# exchange_test.sh MPIEXEC PROGRAM: what wn_exchange measures with two ranks is a full table, and becomes a picture.
# shellcheck source=benchmarks/tests/tried.sh
source "$(dirname "$0")/tried.sh"

readonly mpiexec=$1 program=$2
"$mpiexec" -n 2 "$program" 0.001 >"$scratch/output"
awk -F, 'NR == 1 {if (NF != 12) exit 1; next} {if (NF != 12 || $1 != 2 || $3 != 24 + 8 * $2) exit 1
         for (i = 4; i <= NF; i++) if (!($i > 0)) exit 1; rows++}
         END {exit rows == 7 ? 0 : 1}' "$scratch/output" || fail "no table of 7 numbers of channels"
{ echo "# a test"; echo "# of its own"; cat "$scratch/output"; } >"$scratch/exchange.csv"
"$root/benchmarks/scaling" --out "$scratch" "$scratch/exchange.csv" >"$scratch/output"
grep -qF '| 4096 |' "$scratch/output" || fail "the model has no 4096 ranks"
[[ -s $scratch/scaling.png && -s $scratch/scaling.svg ]] || fail "no pictures"
