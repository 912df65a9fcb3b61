#!/usr/bin/env bash
# link_test.sh CASE PREFIX [BUILD]: one way of using an installed warpnorm, or one property of what is installed.
# CC, CXX, CUDACXX and CMAKE name the tools, CUDART the folder of CUDA's shared runtime, CUDA_INCLUDE that of its headers,
# NCCL_INCLUDE and NCCL_LIBRARY NCCL's; CASE `install` makes PREFIX from the build folder BUILD, the others use PREFIX alone.
set -euo pipefail

readonly case_name=$1 prefix=$2 build=${3-}
source_root=$(cd "$(dirname "$0")/../.." && pwd)
readonly source_root
readonly examples=$source_root/examples/link
readonly work=${prefix%/*}/$case_name
readonly cc=${CC:-cc} cxx=${CXX:-c++} cmake=${CMAKE:-cmake} nvcc=${CUDACXX:-nvcc}
readonly strict="-Wall -Wextra -Wpedantic -Werror"

fail() {
  echo "$case_name: $*" >&2
  exit 1
}

library_dir() { dirname "$(find "$prefix" -name libwarpnorm.a)"; }
pkg_config() { PKG_CONFIG_PATH=$(library_dir)/pkgconfig pkg-config "$@"; }
installed() { LD_LIBRARY_PATH=$(library_dir) "$@"; }

header_version() { sed -n 's/^#define WN_VERSION \([0-9]*\).*/\1/p' "$prefix/include/warpnorm.h"; }
dotted_version() {
  local -r v=$(header_version)
  echo "$((v / 10000)).$((v / 100 % 100)).$((v % 100))"
}

# Both example programs normalize rows 1 2 3 4 and 2 0 0 0; the figures are computed by hand.
check_layer() { check_output "$(printf 'warpnorm %s\n-1.342 -0.447 0.447 1.342\n1.732 -0.577 -0.577 -0.577' "$(header_version)")" "$@"; }
check_rms() { check_output "$(printf 'warpnorm %s\n0.365 0.730 1.095 1.461\n2.000 0.000 0.000 0.000' "$(header_version)")" "$@"; }
check_output() {
  local -r expected=$1
  shift
  local output
  output=$("$@") || fail "${*: -1} ended with status $?"
  [[ $output == "$expected" ]] || fail "${*: -1} printed"$'\n'"$output"$'\n'"and not"$'\n'"$expected"
}

# grep without -q, here and below: it reads to the end, so that pipefail sees no broken pipe.
loads_shared() { installed ldd "$1" | grep "libwarpnorm.so.* => $(library_dir)/" >/dev/null; }
is_without_shared() { ! readelf -d "$1" | grep 'NEEDED.*libwarpnorm' >/dev/null; }

build_with_cmake() {
  "$cmake" -S "$1" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release "${@:2}"
  "$cmake" --build "$work/build"
}

# The first fenced block of a language in README.md.
readme_block() { awk -v fence="\`\`\`$1" '$0 == fence {on = 1; next} /^```/ && on {exit} on' "$source_root/README.md"; }

# The exported functions that the header declares: WN_API becomes a mark, declarations end with a semicolon.
declared() {
  "$cc" -E -P -DWN_API=EXPORTED "$prefix/include/warpnorm.h" | tr '\n' ' ' | tr ';' '\n' |
    sed -n 's/.*EXPORTED [^(]*\b\(wn_[a-z0-9_]*\)(.*/\1/p' | sort
}

case_install() {
  rm -rf "$prefix"
  "$cmake" --install "$build" --prefix "$work/first"
  mv "$work/first" "$prefix" # nothing that is installed may know where it was put first
  ! grep -rIl "$work/first\|$source_root" "$prefix" || fail "these files name the place where they were made"
}

case_cmake_c() {
  build_with_cmake "$examples/c"
  check_layer "$work/build/link_c"
  check_layer "$work/build/link_c_static"
  is_without_shared "$work/build/link_c_static" || fail "link_c_static uses the shared library"
}

case_cmake_cxx() {
  build_with_cmake "$examples/cxx"
  check_rms "$work/build/link_cxx"
  check_rms "$work/build/link_cxx_static"
  is_without_shared "$work/build/link_cxx_static" || fail "link_cxx_static uses the shared library"
}

# The source tree inside another project: its targets have the same names, its tests and examples stay out. Built as the
# presets are, so that a compiler cache has the objects.
case_cmake_subproject() {
  cat >"$work/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.22)
project(parent LANGUAGES C)
add_subdirectory("$source_root" warpnorm)
add_executable(link_c "$examples/c/link_c.c")
target_link_libraries(link_c PRIVATE warpnorm::warpnorm)
END
  "$cmake" -S "$work" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DWARPNORM_WERROR=ON
  grep -q 'WARPNORM_TESTS:BOOL=OFF' "$work/build/CMakeCache.txt" || fail "the tests are built inside a parent project"
  "$cmake" --build "$work/build" --parallel 2
  check_layer "$work/build/link_c"
}

case_pkg_config() {
  # shellcheck disable=SC2046 # flags are words
  "$cc" "$examples/c/link_c.c" -o "$work/link_c" $(pkg_config --cflags --libs warpnorm)
  check_layer installed "$work/link_c"
  loads_shared "$work/link_c" || fail "the installed library is not what the program loads"
}

case_pkg_config_static() {
  # shellcheck disable=SC2046
  "$cc" -static "$examples/c/link_c.c" -o "$work/link_c" $(pkg_config --static --cflags --libs warpnorm)
  check_layer "$work/link_c"
  is_without_shared "$work/link_c" || fail "the program uses the shared library"
}

# libwarpnorm.a by its path and what pkg-config says that it needs, the rest shared.
case_archive() {
  # shellcheck disable=SC2046
  "$cc" "$examples/c/link_c.c" -o "$work/link_c" $(pkg_config --cflags warpnorm) "$(library_dir)/libwarpnorm.a" \
    $(pkg_config --static --libs warpnorm | sed 's/-lwarpnorm//')
  check_layer "$work/link_c"
  is_without_shared "$work/link_c" || fail "the program uses the shared library"
}

# A prefix that the compiler searches, as /usr/local is, stands in the environment.
searched() { CPATH=$prefix/include LIBRARY_PATH=$(library_dir) "$@"; }

case_plain() {
  searched "$cc" "$examples/c/link_c.c" -o "$work/link_c" -lwarpnorm
  check_layer installed "$work/link_c"
  loads_shared "$work/link_c" || fail "the installed library is not what the program loads"
}

case_plain_cxx() {
  searched "$cxx" -std=c++17 "$examples/cxx/link_cxx.cpp" -o "$work/link_cxx" -lwarpnorm
  check_rms installed "$work/link_cxx"
}

case_symbols() {
  local exported
  exported=$(nm -D --defined-only "$(library_dir)/libwarpnorm.so" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort)
  [[ $(declared | wc -l) -ge 20 ]] || fail "the header's declarations were not understood"
  diff <(declared) <(echo "$exported") || fail "declared in the header (<) and exported (>) differ"
  nm -D --defined-only "$(library_dir)/libwarpnorm.so" | grep 'wn_version@@WARPNORM_' >/dev/null || fail "symbols have no version"
}

# A static library has no hidden symbols: all that it defines must be in the project's own name space.
case_archive_symbols() {
  local -r defined=$(nm -g --defined-only "$(library_dir)/libwarpnorm.a" 2>/dev/null | awk 'NF == 3 {print $3}')
  [[ $defined == *wn_version* ]] || fail "wn_version is missing"
  ! grep -vE '^wni?_' <<<"$defined" || fail "foreign names are defined"
}

case_needed() {
  local -r library=$(library_dir)/libwarpnorm.so
  local needed
  needed=$(objdump -p "$library" | awk '/NEEDED/ {print $2}')
  [[ $needed == *libgomp* || $needed == *libomp* ]] || fail "no OpenMP runtime in: $needed"
  ! grep -vE '^(libc|libm|libpthread|libdl|librt|libgomp|libomp|ld-linux[a-z0-9_-]*)\.so' <<<"$needed" || fail "more is needed than allowed"
  ! objdump -p "$library" | grep -E 'RPATH|RUNPATH' || fail "it carries a search path"
}

# A CUDA program with a shared runtime of its own. Linked, it finds that runtime where the compiler has it; a toolkit
# from PyPI has it only under the name that programs load.
with_cudart() {
  local -r runtime=$(find "$CUDART/" -name 'libcudart.so.*' -print -quit)
  [[ -n $runtime ]] || fail "there is no libcudart.so.* in $CUDART"
  mkdir -p "$work/cudart"
  ln -sf "$runtime" "$work/cudart/libcudart.so"
  LIBRARY_PATH=$work/cudart:$CUDART:$(library_dir) CPATH=$prefix/include "$@"
}

# Where there is no GPU it says so, in the library's words, and ends with status 77.
check_cuda() {
  local output status=0
  output=$(LD_LIBRARY_PATH=$(library_dir):$CUDART "$1" 2>&1) || status=$?
  echo "$output"
  loads_shared "$1" || fail "the installed library is not what the program loads"
  readelf -d "$1" | grep 'NEEDED.*libcudart' >/dev/null || fail "the program has no shared runtime of its own"
  case $status in
    0) [[ $output == *": largest error "* ]] || fail "it printed: $output" ;;
    77) [[ $output =~ ^"warpnorm: "[^:]+": ".*(driver|GPU) ]] || fail "it does not say why there is no device: $output" ;;
    *) fail "it ended with status $status" ;;
  esac
}

case_cuda_cmake() {
  with_cudart build_with_cmake "$examples/cuda" -DCMAKE_CUDA_COMPILER="$nvcc"
  check_cuda "$work/build/link_cuda"
}

case_cuda_nvcc() {
  with_cudart "$nvcc" -std=c++17 -Werror all-warnings -cudart shared "$examples/cuda/link_cuda.cu" -o "$work/link_cuda" -lwarpnorm
  check_cuda "$work/link_cuda"
}

case_version() {
  local -r version=$(dotted_version) directory=$(library_dir)
  [[ $(pkg_config --modversion warpnorm) == "$version" ]] || fail "pkg-config's version is not the header's $version"
  grep -q "set(PACKAGE_VERSION \"$version\")" "$directory/cmake/warpnorm/warpnorm-config-version.cmake" ||
    fail "the CMake package's version is not the header's $version"
  [[ -f $directory/libwarpnorm.so.$version ]] || fail "no libwarpnorm.so.$version"
  objdump -p "$directory/libwarpnorm.so" | grep "SONAME *libwarpnorm.so.${version%%.*}$" >/dev/null || fail "wrong soname"
}

# The header alone, in both languages, under both compilers.
case_header() {
  local compiler
  echo '#include <warpnorm.h>' >"$work/alone.c"
  printf '#include <warpnorm.h>\n#include <warpnorm.h>\nint main() { return wn_version() == WN_VERSION ? 0 : 1; }\n' >"$work/use.cpp"
  for compiler in gcc clang; do
    command -v $compiler >/dev/null || fail "$compiler is not installed"
    # shellcheck disable=SC2086
    $compiler -std=c11 $strict -I"$prefix/include" -fsyntax-only "$work/alone.c"
    # shellcheck disable=SC2086
    $compiler -x c++ -std=c++17 $strict -I"$prefix/include" -fsyntax-only "$work/use.cpp"
  done
  searched "$cxx" "$work/use.cpp" -o "$work/use" -lwarpnorm
  installed "$work/use" || fail "the library's version is not the header's"
}

case_readme_example() {
  readme_block c >"$work/example.c"
  local -r lines=$(wc -l <"$work/example.c")
  ((lines > 10 && lines <= 32)) || fail "README's example has $lines lines"
  # shellcheck disable=SC2086
  searched "$cc" -std=c11 $strict "$work/example.c" -o "$work/example" -lwarpnorm
  check_output "$(readme_block text)" installed "$work/example"
}

# The example in the header's introduction: rows 1 2 3 4 and -1 0 0 1, of which it prints the first.
case_header_example() {
  sed -n '/^ \*    #include <stdio.h>/,/^ \*    }/s/^ \*    //p' "$prefix/include/warpnorm.h" >"$work/example.c"
  grep -q 'int main' "$work/example.c" || fail "no example in the header"
  # shellcheck disable=SC2086
  searched "$cc" -std=c11 $strict "$work/example.c" -o "$work/example" -lwarpnorm
  check_output "-1.342 -0.447 0.447 1.342" installed "$work/example"
}

# ---- the adapter for MPI; MPIEXEC names the launcher

# Three ranks with 1, 2 and 3 samples; the figures are computed by hand.
check_sync() {
  local -r expected=('rank 0: -1.549 -0.798' 'rank 1: -0.775 -0.798' 'rank 1: 0.000 -0.114' 'rank 2: 0.000 -0.798'
    'rank 2: 0.775 0.570' 'rank 2: 1.549 1.937')
  local output
  output=$(installed "${MPIEXEC:-mpiexec}" -n 3 "$1") || fail "$1 failed"
  diff <(printf '%s\n' "${expected[@]}" | sort) <(sort <<<"$output") || fail "$1 printed something else"
}

case_mpi_cmake() {
  local ranks
  build_with_cmake "$source_root/examples/sync"
  check_sync "$work/build/syncbn"
  for ranks in 1 4; do
    installed "${MPIEXEC:-mpiexec}" -n $ranks "$work/build/training" >"$work/log" || fail "training, $ranks ranks: $(cat "$work/log")"
  done
}

case_mpi_pkg_config() {
  # shellcheck disable=SC2046
  "$cc" "$source_root/examples/sync/syncbn.c" -o "$work/syncbn" $(pkg_config --cflags --libs warpnorm_mpi)
  check_sync "$work/syncbn"
}

# check_adapter NAME: all that its header declares and no more; and libwarpnorm itself does not know whom it adapts.
check_adapter() {
  local -r library=$(library_dir)/libwarpnorm_$1.so
  diff <(printf "wn_$1_%s\n" close comm open) \
    <(nm -D --defined-only "$library" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort)
  ! objdump -p "$(library_dir)/libwarpnorm.so" | grep "NEEDED.*$1" || fail "libwarpnorm.so needs $1"
  ! objdump -p "$library" | grep -E 'RPATH|RUNPATH' || fail "it carries a search path"
}

case_mpi_symbols() { check_adapter mpi; }

# ---- the adapter for NCCL, with the real one

# Every function that the program and the adapter call is in NCCL's library, or it would not start. Without a GPU it ends
# after that, with 77.
check_nccl() {
  local output status=0
  output=$(LD_LIBRARY_PATH=$(library_dir):${NCCL_LIBRARY%/*}:$CUDART LD_BIND_NOW=1 "$1" 2>&1) || status=$?
  echo "$output"
  [[ $output == "NCCL 2"* ]] || fail "it does not run: $output"
  case $status in
    0) [[ $output == *"-1.342 -0.447 0.447 1.342" ]] || fail "it printed: $output" ;;
    77) [[ $output =~ "warpnorm: "[^:]+": ".*(driver|GPU) ]] || fail "it does not say why there is no device: $output" ;;
    *) fail "it ended with status $status" ;;
  esac
}

case_nccl_cmake() {
  local -r runtime=$(find "$CUDART/" -name 'libcudart.so.*' -print -quit)
  build_with_cmake "$examples/nccl" -DNCCL_INCLUDE="$NCCL_INCLUDE" -DNCCL_LIBRARY="$NCCL_LIBRARY" \
    -DCUDART_INCLUDE="$CUDA_INCLUDE" -DCUDART_LIBRARY="$runtime"
  check_nccl "$work/build/link_nccl"
}

case_nccl_pkg_config() {
  # shellcheck disable=SC2046
  with_cudart "$cc" "$examples/nccl/link_nccl.c" -isystem "$NCCL_INCLUDE" -isystem "$CUDA_INCLUDE" -o "$work/link_nccl" \
    $(pkg_config --cflags --libs warpnorm_nccl) "$NCCL_LIBRARY" -lcudart
  check_nccl "$work/link_nccl"
}

case_nccl_symbols() { check_adapter nccl; }

case_component_missing() {
  printf 'cmake_minimum_required(VERSION 3.22)\nproject(p LANGUAGES C)\n%s\n' \
    'find_package(warpnorm REQUIRED COMPONENTS carrier_pigeon)' >"$work/CMakeLists.txt"
  ! "$cmake" -S "$work" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 || fail "an unknown component was found"
  grep -q carrier_pigeon "$work/log" || fail "the message names no component"
}

rm -rf "$work"
mkdir -p "$work"
declare -F "case_$case_name" >/dev/null || fail "no such case"
"case_$case_name"
