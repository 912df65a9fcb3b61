#!/usr/bin/env bash
# exchange_test.sh MPIEXEC PROGRAM: what wn_exchange measures with two ranks is a full table, and becomes a picture.
set -euo pipefail

readonly mpiexec=$1 program=$2
scaling=$(cd "$(dirname "$0")/.." && pwd)/scaling
readonly scaling

fail() {
  echo "$*" >&2
  exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$mpiexec" -n 2 "$program" 0.001 >"$folder/table"
awk -F, 'NR == 1 {if (NF != 12) exit 1; next} {if (NF != 12 || $1 != 2 || $3 != 24 + 8 * $2) exit 1
         for (i = 4; i <= NF; i++) if (!($i > 0)) exit 1; rows++}
         END {exit rows == 7 ? 0 : 1}' "$folder/table" || fail "no table of 7 numbers of channels: $(cat "$folder/table")"
{ echo "# a test"; echo "# of its own"; cat "$folder/table"; } >"$folder/exchange.csv"
output=$("$scaling" --out "$folder" "$folder/exchange.csv")
[[ $output == *"| 4096 |"* ]] || fail "the model has no 4096 ranks: $output"
[[ -s $folder/scaling.png && -s $folder/scaling.svg ]] || fail "no pictures"
