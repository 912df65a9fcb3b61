#!/usr/bin/env bash
# mpi_faults.sh MPIEXEC RANKS PROGRAM MODE: all ranks but one must outlive the fault of that one.
set -euo pipefail

readonly mpiexec=$1 ranks=$2 program=$3 mode=$4

# What keeps the launcher from ending the other ranks.
case $("$mpiexec" --version 2>&1) in
  *"Open MPI"* | *OpenRTE*) launch=("$mpiexec" --enable-recovery) ;;
  *HYDRA*) launch=("$mpiexec" -disable-auto-cleanup) ;;
  *) echo "$mpiexec is neither Open MPI's nor MPICH's" >&2 && exit 1 ;;
esac

output=$(timeout 60 "${launch[@]}" -n "$ranks" "$program" "$mode" 2>&1) || true
survivors=$(grep -c 'has survived' <<<"$output") || true
[[ $survivors == $((ranks - 1)) ]] || {
  printf '%s of %s ranks have survived:\n%s\n' "$survivors" "$((ranks - 1))" "$output" >&2
  exit 1
}
