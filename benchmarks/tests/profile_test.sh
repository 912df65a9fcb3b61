#!/usr/bin/env bash
# scripts/profile: the processor's profile is real, the GPU's tools are stand-ins that say how they were called.
# profile_test.sh BUILD_FOLDER
# shellcheck source=benchmarks/tests/tried.sh
source "$(dirname "$0")/tried.sh"
build=$1
profile() { # STATUS WORD...
  local -r expected=$1
  local status=0
  shift
  "$root/scripts/profile" --build "$build" --out "$scratch/out" "$@" >"$scratch/output" 2>&1 || status=$?
  [[ $status == "$expected" ]] || fail "status $status, not $expected: $*"
}
says() { grep -qF -- "$1" "$scratch/output" || fail "does not say: $1"; }

profile 0 --tool callgrind --case "layer 16x64 f32 train"
says "layer 16x64 f32 train"
grep -q 'row' "$scratch/out/summary.txt" || fail "the kernel is not in the summary"
profile 2 --case "layer 16x"
says "no size"
profile 1 --tool gdb --case "layer 16x64"
says "callgrind, perf, nsys or ncu is expected"

# A PATH with the tools of the system and none of NVIDIA's.
mkdir "$scratch/bin"
for name in bash env cat cut grep head mkdir nproc readlink dirname sed tail; do
  ln -s "$(command -v "$name")" "$scratch/bin/$name"
done
for name in nsys ncu; do
  PATH=$scratch/bin profile 1 --tool "$name" --case "layer 16x64"
  says "$name is not installed"
done
printf '#!/bin/sh\necho "perf $*" >>"%s/calls"\necho "# comment %%"\necho "99.00%%  a function"\n' "$scratch" >"$scratch/bin/perf"
chmod +x "$scratch/bin/perf"
for name in nsys ncu; do
  printf '#!/bin/sh\necho "%s $*" >>"%s/calls"\necho "%s stand-in"\n' "$name" "$scratch" "$name" >"$scratch/bin/$name"
  chmod +x "$scratch/bin/$name"
  PATH=$scratch/bin:$PATH profile 0 --tool "$name" --case "layer 16x64 f32 train"
  says "$name stand-in"
done
PATH=$scratch/bin:$PATH profile 0 --tool perf --case "layer 16x64 f32 train"
grep -qE 'perf record .*wn_bench_call --runs 300 layer 16x64 f32 train' "$scratch/calls" || fail "perf was called otherwise"
grep -qE 'perf report .*-g none' "$scratch/calls" || fail "chains of calls are in the summary"
says '99.00%  a function'
grep -qE 'nsys profile .*--trace cuda,nvtx .*wn_bench --device cuda .*--case layer 16x64 f32 train' "$scratch/calls" ||
  fail "nsys was called otherwise: $(cat "$scratch/calls")"
grep -qE 'nsys stats .*nvtx_gpu_proj_sum,cuda_gpu_kern_sum .*timeline.nsys-rep' "$scratch/calls" || fail "no statistics"
grep -qE 'ncu .*--metrics dram__bytes_read.sum,.*wn_bench --device cuda' "$scratch/calls" || fail "ncu was called otherwise"
