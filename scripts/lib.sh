# Sourced by the scripts of this folder: where things are, what must be installed, configuring and building quietly.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc)
export CTEST_PARALLEL_LEVEL=${CTEST_PARALLEL_LEVEL:-$jobs} CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$jobs}

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Runs a command with its output in a log, which is shown only when the command fails.
quietly() {
  local -r log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 || {
    tail -n 60 "$log" >&2
    die "failed: $* (all of it in $log)"
  }
}

# ---- packages: Debian's and Ubuntu's names

build_packages=(cmake ninja-build gcc g++ libc6-dev libgtest-dev libopenblas-dev zlib1g-dev)
demo_packages=(gnuplot-nox fonts-dejavu-core dataset-fashion-mnist)
bench_packages=(libdnnl-dev valgrind gnuplot-nox fonts-dejavu-core python3-venv)
test_packages=(ccache python3-venv pkg-config binutils clang clang-format clang-tidy llvm libclang-rt-dev libomp-dev qemu-user)
mpi_packages=(libopenmpi-dev openmpi-bin)
cross_packages=(googletest gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross) # on x86-64 only

missing_packages() {
  local name
  for name in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || printf '%s\n' "$name"
  done
}

# Package lists are fetched only when installing with the present ones fails: there are none yet, or they are stale.
require_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  local -a as_root=()
  if ! command -v apt-get >/dev/null; then
    die "there is no apt-get here. Needed, by Debian's names: ${missing[*]}. Once they are there, say --no-install"
  elif ((EUID != 0)); then
    as_root=(sudo)
    if ! command -v sudo >/dev/null || { ! sudo -n true 2>/dev/null && [[ ! -t 0 ]]; }; then
      die "would install ${missing[*]}, but is neither root nor able to use sudo"
    fi
  fi
  echo "Installing ${missing[*]}"
  local -r log=$root/build/install.log
  local -r install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends)
  mkdir -p "$root/build"
  "${install[@]}" "${missing[@]}" >"$log" 2>&1 && return 0
  quietly "$log" "${as_root[@]}" apt-get update -qq
  quietly "$log" "${install[@]}" "${missing[@]}"
}

# ---- from PyPI, into private environments

# fetch FOLDER WORD...: what the words say to pip, into the environment in that folder.
fetch() {
  quietly "$1.log" "$1/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "${@:2}"
}

# has_environment FOLDER REQUIREMENT...
has_environment() { [[ -f $1/complete && $(<"$1/complete") == "${*:2}" ]]; }

# environment FOLDER REQUIREMENT...: an environment with these, unless it is there.
environment() {
  ! has_environment "$@" || return 0
  local -r folder=$1
  shift
  python3 -c 'import venv, ensurepip' 2>/dev/null ||
    die "python3 with the module venv is needed (Debian: apt-get install python3-venv)"
  echo "Getting $* from PyPI into $folder" >&2
  rm -rf "$folder"
  quietly "$folder.log" python3 -m venv "$folder"
  fetch "$folder" "$@"
  echo "$*" >"$folder/complete"
}

# The CUDA toolkit's environment (scripts/cuda-toolkit), and a program in it: nothing where it is not.
cuda_toolkit=$root/build/cuda-toolkit
toolkit_program() { compgen -G "$cuda_toolkit/lib/python*/site-packages/nvidia/cu13/bin/$1" || true; }

# Where the CUDA library is built, and cuobjdump: beside the compiler that CMake has found there, or in the PATH, or else
# scripts/cuda-toolkit's.
cuda_folder=$root/build/cuda
cuda_library=$cuda_folder/host/libwarpnorm.so
find_cuobjdump() {
  local nvcc found
  nvcc=$(sed -n 's/^CMAKE_CUDA_COMPILER:[A-Z]*=//p' "$cuda_folder/CMakeCache.txt")
  found=$(PATH=${nvcc%/*}:$PATH command -v cuobjdump || toolkit_program cuobjdump)
  [[ -n $found ]] || die "cuobjdump is neither beside nvcc nor in the PATH (scripts/cuda-toolkit gets it)"
  echo "$found"
}

# ---- building

# build PRESET [TARGET...] configures and builds; says so only when there is something to build.
build() {
  local -r preset=$1
  shift
  local -r folder=$root/build/$preset
  local -a command=(cmake --build --preset "$preset")
  (($# == 0)) || command+=(--target "$@")
  quietly "$folder/configure.log" env -C "$root" cmake --preset "$preset" "${configure_options[@]}"
  if ! env -C "$root" "${command[@]}" -- -n 2>&1 | grep 'no work to do' >/dev/null; then
    echo "Building $preset in $folder"
    quietly "$folder/build.log" env -C "$root" "${command[@]}"
  fi
}
configure_options=()
