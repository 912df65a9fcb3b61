# Sourced by tests of scripts: a folder that goes with the test, in which `output` is what the script tried last has said.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
  echo "${0##*/}: $*" >&2
  cat "$scratch/output" >&2
  exit 1
}
