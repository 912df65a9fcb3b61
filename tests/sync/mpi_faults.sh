#!/usr/bin/env bash
# mpi_faults.sh MPIEXEC RANKS PROGRAM MODE: all ranks but one must outlive the fault of that one.
set -euo pipefail

readonly mpiexec=$1 ranks=$2 program=$3 mode=$4

# Open MPI's launcher ends the other ranks with one that dies, unless it is told not to.
launch=("$mpiexec")
[[ $("$mpiexec" --version 2>&1) != *"Open MPI"* && $("$mpiexec" --version 2>&1) != *OpenRTE* ]] || launch+=(--enable-recovery)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
output=$(timeout 60 "${launch[@]}" -n "$ranks" "$program" "$mode" "$folder" 2>&1) || true
survivors=$(find "$folder" -name 'survivor*' | wc -l)
[[ $survivors == $((ranks - 1)) ]] || {
  printf '%s of %s ranks have survived:\n%s\n' "$survivors" "$((ranks - 1))" "$output" >&2
  exit 1
}
