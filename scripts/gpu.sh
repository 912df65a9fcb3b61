# Sourced by scripts/gpu-check and scripts/gpu-bench, which run on a machine that has a GPU, nvcc, CMake and Python and
# nothing else for certain: steps with a time limit each, the build for the one GPU, and the bundle to carry there.
# shellcheck shell=bash
# shellcheck disable=SC2154 # root is set by lib.sh

work=$root/build/gpu build_folder=''
carried=$root/build/carried # what --pack has put in beside the tracked files
most_packed=$((50 * 1000 * 1000))

# ---- the command line of both, in variables, and what it asks for

seconds=480
out=$root/docs/results
file='' only='' dry=no
gpu_options() {
  while (($#)); do
    case $1 in
      -h | --help) usage && exit ;;
      --dry-run) dry=yes ;;
      --seconds | --work | --build | --out | --pack | --step)
        (($# > 1)) || die "$1: a value is missing"
        case $1 in
          --seconds) seconds=$2 ;;
          --work) work=$2 ;;
          --build) build_folder=$(readlink -f "$2") ;;
          --out) out=$2 ;;
          --pack) file=$2 ;;
          --step) only=$2 ;; # for run_step alone
        esac
        shift
        ;;
      *) usage >&2 && exit 2 ;;
    esac
    shift
  done
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "--seconds $seconds: a whole number above 0 is expected"
  mkdir -p "$work"
  work=$(readlink -f "$work")
  given_build=$build_folder
  build_folder=${build_folder:-$work/build}
  find_machine
}

# After the steps are named. report() makes the files of results.
gpu_main() {
  local status
  if [[ -n $only ]]; then
    "step_$only"
  elif [[ -n $file ]]; then
    pack "$file"
  elif [[ $dry == yes ]]; then
    print_plan
  else
    run_steps
    status=$(steps_status)
    if ((status == 77)); then
      echo "Nothing was checked or measured"
    else
      report
    fi
    exit "$status"
  fi
}

# ---- steps: a step NAME is a function step_NAME, run in a process of its own so that it can be stopped. Its status: 0,
# 77 (skipped: its last line says why), or another (failed).

step_names=()
declare -A step_limit step_what step_cut
# step NAME SECONDS WHAT [cut]: `cut` is a step whose output counts as far as it got when its time is over.
step() {
  step_names+=("$1")
  step_limit[$1]=$2
  step_what[$1]=$3
  step_cut[$1]=${4-}
}

# Why a step can not run here, or nothing: what it needs is asked of needs_NAME, if there is such a function.
obstacle() {
  if [[ -z $gpu_name ]]; then
    echo "$gpu_missing"
  elif declare -F "needs_$1" >/dev/null; then
    "needs_$1" || true
  fi
}

note_step() { # NAME STATE SECONDS REASON
  printf '%s\t%s\t%s\t%s\n' "$@" >>"$work/steps.tsv"
  printf '%-12s %-8s %4s s  %s\n' "$@"
}

# A step begins only where its limit fits into what is left of the time; one that does not end within its limit has failed.
run_step() {
  local -r name=$1 left=$((seconds - SECONDS)) log=$work/$1.log
  local reason status=0 begin
  reason=$(obstacle "$name")
  [[ -n $reason || $name == build || $built == yes ]] || reason="the build failed"
  if [[ -z $reason ]] && ((step_limit[$name] > left)); then
    reason="may take ${step_limit[$name]} s, and $left s of $seconds were left"
  fi
  if [[ -n $reason ]]; then
    note_step "$name" skipped 0 "$reason"
    return 0
  fi
  begin=$SECONDS
  timeout --kill-after=5 "${step_limit[$name]}" "$0" --work "$work" ${given_build:+--build "$given_build"} --out "$out" --step "$name" >"$log" 2>&1 || status=$?
  local -r took=$((SECONDS - begin))
  case $status in
    0) note_step "$name" ok "$took" "" ;;
    77) note_step "$name" skipped "$took" "$(tail -n 1 "$log")" ;;
    124 | 137)
      if [[ -n ${step_cut[$name]} ]]; then
        note_step "$name" cut "$took" "what was there after ${step_limit[$name]} s counts"
      else
        note_step "$name" failed "$took" "not done after ${step_limit[$name]} s: $log"
      fi
      ;;
    *)
      note_step "$name" failed "$took" "$(tail -n 1 "$log" | cut -c 1-160) ($log)"
      [[ $name != build ]] || built=no
      ;;
  esac
}

built=yes
run_steps() {
  local name
  mkdir -p "$work"
  : >"$work/steps.tsv"
  for name in "${step_names[@]}"; do run_step "$name"; done
}

# 1: a step failed; 77: nothing was done; 0.
steps_status() {
  if cut -f 2 "$work/steps.tsv" | grep -qx failed; then
    echo 1
  elif cut -f 2 "$work/steps.tsv" | grep -qxE 'ok|cut'; then
    echo 0
  else
    echo 77
  fi
}

print_plan() {
  local name why total=0
  echo "On ${gpu_name:-no GPU (${gpu_missing})}; at most $seconds s in all:"
  for name in "${step_names[@]}"; do
    why=$(obstacle "$name")
    printf '  %-12s at most %3d s  %s%s\n' "$name" "${step_limit[$name]}" "${step_what[$name]}" "${why:+; SKIPPED: $why}"
    total=$((total + step_limit[$name]))
  done
  echo "A step begins when its limit fits into what is left; the limits together are $total s."
}

# ---- the machine

# The first GPU: name, compute capability without its point. Where there is none, why.
gpu_name='' gpu_capability='' gpu_missing=''
find_gpu() {
  local line
  if ! command -v nvidia-smi >/dev/null; then
    gpu_missing="there is no nvidia-smi here"
  elif ! line=$(nvidia-smi --query-gpu=name,compute_cap --format=csv,noheader 2>&1 | head -n 1) ||
    [[ ! $line =~ ^(.+),\ ([0-9]+)\.([0-9]+)$ ]]; then
    gpu_missing="nvidia-smi names no GPU: ${line:0:120}"
  else
    gpu_name=${BASH_REMATCH[1]}
    gpu_capability=${BASH_REMATCH[2]}${BASH_REMATCH[3]}
  fi
}

# <gpu>-<date>, as the results are named.
results_name() {
  local -r words=$(printf '%s' "$gpu_name" | tr -cs '[:alnum:]' '-' | tr '[:upper:]' '[:lower:]')
  echo "${words%-}-$(date -u +%Y-%m-%d)"
}

# A folder that holds include/HEADER: what was carried, CUDA's, the system's, or that of a Python package NVIDIA/NAME.
find_package_folder() {
  local -r name=$1 header=$2
  local folder
  while read -r folder; do
    [[ ! -f $folder/include/$header ]] || { echo "$folder" && return; }
  done < <(
    printf '%s\n' "$carried/$name" "${nvcc%/bin/nvcc}" /usr/local/cuda /usr/local /usr
    python_folders "$name"
  )
}
python_folders() {
  local folder
  compgen -G "$root/build/*/lib/python*/site-packages/nvidia/$1" || true
  while read -r folder; do
    compgen -G "$folder/nvidia/$1" || true
  done <<<"$python_path"
}
# Asked of Python once; the steps are given it.
find_python_path() {
  [[ -n ${python_path-} ]] || python_path=$(
    python3 -c 'import site, sys; print(*site.getsitepackages(), site.getusersitepackages(), *sys.path, sep="\n")' || true
  )
  export python_path
}

# find_shared NAME FILE: the library itself, beside the header or in any of those folders.
find_shared() {
  local folder
  while read -r folder; do
    [[ ! -e $folder/$2 ]] || { echo "$folder/$2" && return; }
  done < <(
    python_folders "$1" | sed 's,$,/lib,'
    printf '%s\n' "${nvcc%/bin/nvcc}/lib64" /usr/local/cuda/lib64 /usr/local/lib "/usr/lib/$(uname -m)-linux-gnu" /usr/lib64
  )
}

find_googletest() {
  local folder
  for folder in "$carried/googletest" /usr/src/googletest; do
    [[ ! -f $folder/CMakeLists.txt ]] || { echo "$folder" && return; }
  done
}

find_machine() {
  find_gpu
  nvcc=${CUDACXX:-$(PATH=$PATH:/usr/local/cuda/bin command -v nvcc || true)}
  [[ -z $nvcc ]] || nvcc=$(readlink -f "$nvcc")
  [[ -z $nvcc ]] || PATH=$PATH:${nvcc%/*} # ncu and compute-sanitizer are there
  find_python_path
  googletest=$(find_googletest)
  cudnn=$(find_package_folder cudnn cudnn_graph.h)
  cudnn_library=$(find_shared cudnn libcudnn.so.9)
  nccl=$(find_package_folder nccl nccl.h)
  nccl_library=$(find_shared nccl libnccl.so.2)
}

# ---- the build, for this GPU alone

needs_build() {
  [[ -z $given_build ]] || return 0
  [[ -n $nvcc ]] || { echo "there is no nvcc here" && return; }
  command -v cmake >/dev/null || { echo "there is no cmake here" && return; }
  [[ -n $googletest ]] || echo "GoogleTest's sources are neither carried nor in /usr/src"
}

build_options() {
  printf '%s\n' -DCMAKE_BUILD_TYPE=Release -DWARPNORM_CUDA=ON "-DCMAKE_CUDA_COMPILER=$nvcc" \
    "-DCMAKE_CUDA_ARCHITECTURES=$gpu_capability-real" -DWARPNORM_MPI=OFF -DWARPNORM_EXAMPLES=OFF -DWARPNORM_CUDA_INCLUDE=OFF \
    "-DCMAKE_MODULE_PATH=$root/cmake/from-source" "-DGTEST_SOURCE_DIR=$googletest"
  [[ -z $cudnn ]] || printf '%s\n' "-DWARPNORM_CUDNN_INCLUDE=$cudnn/include" "-DWARPNORM_CUDNN_LIBRARY=$cudnn_library"
  [[ -z $nccl || -z $nccl_library ]] ||
    printf '%s\n' -DWARPNORM_NCCL=ON "-DWARPNORM_NCCL_INCLUDE=$nccl/include" "-DWARPNORM_NCCL_LIBRARY=$nccl_library"
  ! command -v ninja >/dev/null || printf '%s\n' -G Ninja
}

# A build that was given is taken as it is.
build_for_gpu() {
  [[ -z $given_build ]] || { echo "$given_build was given" && return; }
  local -a options
  mapfile -t options < <(build_options)
  cmake -S "$root" -B "$build_folder" "${options[@]}"
  cmake --build "$build_folder" --parallel "$(nproc)" --target "$@"
}

# Python packages keep their libraries where no loader looks.
use_python_libraries() {
  local folder list=''
  while read -r folder; do
    [[ ! -d $folder/lib ]] || list+=$folder/lib:
  done < <(python_folders '*')
  export LD_LIBRARY_PATH=$list${LD_LIBRARY_PATH-}
}

# ---- carrying it to a machine without a package manager

pack() {
  local -r file=$1
  local -r scratch=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder as it is now
  trap "rm -rf '$scratch'" EXIT
  local -r tree=$scratch/warpnorm
  mkdir -p "$tree/build/carried"
  git -C "$root" -c safe.directory='*' ls-files -z | (cd "$root" && tar -c --null -T -) | tar -x -C "$tree"
  git -C "$root" -c safe.directory='*' describe --always --dirty --abbrev=12 >"$tree/build/carried/revision"
  [[ -n $googletest ]] || die "there are no sources of GoogleTest here (Debian: googletest, in /usr/src/googletest)"
  cp -r "$googletest" "$tree/build/carried/googletest"
  local carries="GoogleTest's sources"
  if [[ -n $cudnn ]]; then
    mkdir -p "$tree/build/carried/cudnn/include"
    cp "$cudnn"/include/cudnn*.h "$tree/build/carried/cudnn/include"
    carries+=", cuDNN's headers"
  fi
  tar -C "$scratch" -czf "$scratch/packed.tar.gz" warpnorm
  local -r bytes=$(stat -c %s "$scratch/packed.tar.gz")
  ((bytes <= most_packed)) || die "$file would have $bytes bytes, more than $most_packed"
  cp "$scratch/packed.tar.gz" "$file"
  echo "$file: $bytes bytes: the tracked files, $carries"
  echo "There: tar xf ${file##*/} && cd warpnorm && scripts/gpu-check; scripts/gpu-bench"
}
