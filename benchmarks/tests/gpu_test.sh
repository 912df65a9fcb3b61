#!/usr/bin/env bash
# scripts/gpu-check and scripts/gpu-bench without a GPU: plans, packing, steps and reports. wn_bench and ctest are real, on
# the processor; NVIDIA's tools are stand-ins that print what gpu_by_hand holds. gpu_test.sh BUILD_FOLDER
# shellcheck source=benchmarks/tests/tried.sh
source "$(dirname "$0")/tried.sh"
build=$1
by_hand=$root/benchmarks/tests/gpu_by_hand

# try STATUS PROGRAM WORD...
try() {
  local -r expected=$1
  local status=0
  shift
  "$@" >"$scratch/output" 2>&1 || status=$?
  [[ $status == "$expected" ]] || fail "status $status, not $expected: $*"
}
says() { grep -qE -- "$1" "$scratch/output" || fail "does not say: $1"; }
holds() { grep -qE -- "$2" "$1" || { cat "$1" >&2 && fail "$1 does not hold: $2"; }; }
lacks() { ! grep -qE -- "$2" "$1" || fail "$1 holds: $2"; }
stand_in() { # NAME LINE...
  printf '%s\n' '#!/bin/bash' "${@:2}" >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}
check() { try "$1" "$root/scripts/gpu-check" --work "$scratch/check" --out "$scratch/results" "${@:2}"; }
bench() { try "$1" "$root/scripts/gpu-bench" --work "$scratch/bench" --out "$scratch/results" "${@:2}"; }

# A machine without a GPU, whatever is installed here: each step says why it does nothing.
mkdir "$scratch/bin" "$scratch/build" "$scratch/build/benchmarks" "$scratch/build/tests"
export PATH=$scratch/bin:$PATH
stand_in nvidia-smi "cat $by_hand/nvidia-smi-no-driver.txt" 'exit 9'
for program in check bench; do
  $program 77
  [[ $(grep -cE ' skipped .*nvidia-smi names no GPU: NVIDIA-SMI has failed' "$scratch/output") -ge 10 ]] || fail "a step is silent"
  says "^Nothing was checked or measured"
  $program 0 --dry-run
  says "^On no GPU"
done
[[ ! -e $scratch/results ]] || fail "results of nothing"
check 2 --what
check 1 --seconds soon
says "whole number"

# With one: the plan names what is missing and what it costs.
stand_in nvidia-smi "cat $by_hand/nvidia-smi.csv"
for tool in nvcc cmake; do stand_in $tool 'exit 3'; done
check 0 --dry-run
says '^On NVIDIA H100 80GB HBM3; at most 480 s'
says 'build +at most 230 s .* for this GPU alone$'
stand_in ncu "cat $by_hand/ncu.csv"
# shellcheck disable=SC2016 # the stand-in's own words
stand_in compute-sanitizer 'while [[ $1 != --tool ]]; do shift; done' 'tool=$2' \
  '[[ $tool == racecheck ]] || tool=memcheck' "cat $by_hand/\$tool\$SUFFIX.txt"
check 0 --dry-run
says '^ +ncu [^;]*$'
bench 0 --dry-run
(($(sed -nE 's/^  .* at most +([0-9]+) s .*/\1/p' "$scratch/output" | paste -sd +) <= 480)) || fail "the suites do not fit"

# A build that does not succeed: everything else says so, and the status is that of a failure.
check 1
says '^build +failed .*\(.*build.log\)'
says '^tests +skipped .*the build failed'

# A build whose programs are real, told to use the processor, and to take two small cases for whatever is asked.
cat >"$scratch/build/benchmarks/wn_bench" <<END
#!/bin/bash
[[ "\$*" != *--list* ]] || exec "$build/wn_bench" "\$@"
echo "\$*" >>"$scratch/calls"
words=() before=''
for word; do
  [[ \$before != --suite ]] || { words[-1]=--case && word="layer 64x1024 train f32"; }
  [[ \$before != --seconds ]] || word=0.001
  [[ \$word != cuda ]] || word=cpu
  [[ \$word != --case=* || \$word =~ 4099x35|64x1024 ]] && words+=("\$word")
  before=\$word
done
exec "$build/wn_bench" "\${words[@]}" --memory 0.01 --rounds 2 --batch 1
END
chmod +x "$scratch/build/benchmarks/wn_bench"
for name in conformance conformance.long bits exact activations threads stream sync.conformance sync.faults nccl.gpu; do
  echo "add_test($name sh -c \"test \$WN_TEST_BACKEND = cuda && test $name != \$BROKEN\")"
done >"$scratch/build/CTestTestfile.cmake"
export SUFFIX='' BROKEN=none
check 0 --build "$scratch/build"
csv=$(echo "$scratch"/results/nvidia-h100-80gb-hbm3-20??-??-??.csv)
md=${csv%.csv}.md
holds "$md" '^\| conformance\.long \| passed \|'
holds "$md" '^\| racecheck \| RACECHECK SUMMARY: 0 hazards'
holds "$md" '^4 shapes\. The plan.s time'
holds "$md" '^\| layer 64x1024 f32 train \| cpu [^|]*\| [0-9.]+ \| [0-9.]+ \|'
# Two kernels: 1,052,000 sectors of 32 bytes from the L2, beside the plan's 270336 bytes.
holds "$md" '^\| layer 64x1024 f32 train \| 2 \| 0\.270 \| 0\.263 \| 33\.664 \(124\.527\) \|'
holds "$csv" '^layer 64x1024 f32 train,.*,2,33554432,16777600,33664000,33562624'

# What is wrong fails: a test, a sanitizer's finding. Counters that only the administrator may read are a reason to skip.
stand_in ncu "cat $by_hand/ncu-forbidden.txt" 'exit 1'
SUFFIX=-errors BROKEN=bits check 1 --build "$scratch/build"
says '^tests +failed'
says '^memcheck +failed .*ERROR SUMMARY: 10 errors'
says '^racecheck +failed' # no such file: no summary
says '^ncu +skipped .*ERR_NVGPUCTRPERM'
holds "$md" '^\| bits \| failed \|'
SUFFIX=-hazards check 1 --build "$scratch/build"
says '^racecheck +failed .*1 hazard displayed'

# What ncu is given to watch: one call on the device that is said.
try 0 "$build/wn_bench_call" --device cpu --runs 1 "layer 16x64 f32 train"
try 1 "$build/wn_bench_call" --device cuda "layer 16x64 f32 train"
try 2 "$build/wn_bench_call" --devices cpu "layer 16x64 f32 train"

# gpu-bench: lines of JSON, CSV, pictures where gnuplot is, a summary.
bench 0 --build "$scratch/build"
folder=$(echo "$scratch"/results/nvidia-h100-80gb-hbm3-20??-??-??)
holds "$scratch/calls" '^--device cuda --suite small --cache both --seconds 0\.167 ' # 0.4 of 25 s for 2 x 30 cases
holds "$folder/table.json" '"type":"result".*"cache":"cold"'
holds "$folder/hot.json" '"cache":"hot"'
holds "$folder/README.md" '^\| cases \| cold \| 1 \|'
holds "$folder/README.md" '^\| torch \| (ok|skipped) \|'
! command -v gnuplot >/dev/null || [[ -s $folder/share.png && -s $folder/hot/share.png ]] || fail "no pictures"

# The steps themselves: what is out of time, late, wrong, cut.
cat >"$scratch/steps" <<END
#!/bin/bash
source $root/scripts/lib.sh
source $root/scripts/gpu.sh
gpu_options "\$@"
step quick 30 "" && step_quick() { true; }
step slow 1 "" && step_slow() { sleep 30; }
step partial 1 "" cut && step_partial() { sleep 30; }
step unable 30 "" && step_unable() { echo "no such thing" && exit 77; }
step late 1000 "" && step_late() { true; }
step wrong 30 "" && step_wrong() { echo "it is wrong" && exit 4; }
report() { echo reported; }
gpu_main
END
chmod +x "$scratch/steps"
try 1 "$scratch/steps" --work "$scratch/steps.work" --seconds 200
says '^quick +ok'
says '^slow +failed .*not done after 1 s'
says '^partial +cut'
says '^unable +skipped .*no such thing'
says '^late +skipped .*may take 1000 s, and [0-9]+ s of 200 were left'
says '^wrong +failed .*it is wrong'
says '^reported'
(($(tail -n 1 "$scratch/steps.work/steps.tsv" | cut -f 3) < 10)) || fail "steps were not stopped"

# The bundle has what the machine lacks, and is not larger than it may be.
if [[ -f /usr/src/googletest/CMakeLists.txt ]] && git -C "$root" -c safe.directory="*" rev-parse >/dev/null 2>&1; then
  check 0 --pack "$scratch/packed.tar.gz"
  says 'packed.tar.gz: [0-9]+ bytes'
  says '^There: tar xf packed.tar.gz && cd warpnorm'
  tar -tzf "$scratch/packed.tar.gz" >"$scratch/list"
  for name in scripts/gpu-check scripts/gpu_report.py build/carried/revision build/carried/googletest/CMakeLists.txt; do
    holds "$scratch/list" "^warpnorm/$name\$"
  done
  lacks "$scratch/list" '/\.git/'
  sed 's/^most_packed=.*/most_packed=1000/' "$root/scripts/gpu.sh" >"$scratch/gpu.sh"
  sed "s,^source .*gpu.sh.*,source $scratch/gpu.sh," "$scratch/steps" >"$scratch/small"
  try 1 bash "$scratch/small" --work "$scratch/steps.work" --pack "$scratch/small.tar.gz"
  says 'more than 1000$'
  [[ ! -e $scratch/small.tar.gz ]] || fail "what is too large was written"
fi
