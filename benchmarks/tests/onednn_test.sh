#!/usr/bin/env bash
# scripts/onednn gets its packages once, with a python3 that is a stand-in: nothing is fetched.
# shellcheck source=benchmarks/tests/tried.sh
source "$(dirname "$0")/tried.sh"
tree=$scratch/tree
mkdir -p "$tree/scripts" "$scratch/bin"
cp "$root/scripts/lib.sh" "$root/scripts/onednn" "$tree/scripts"
cat >"$scratch/bin/python3" <<'END'
#!/bin/sh
[ "$1" = -m ] || exit 0
mkdir -p "$3/bin" "$3/include/oneapi/dnnl"
printf '#!/bin/sh\necho "$*" >>"%s/../../calls"\n: >"%s/include/oneapi/dnnl/dnnl.h"\n' "$3" "$3" >"$3/bin/pip"
chmod +x "$3/bin/pip"
END
chmod +x "$scratch/bin/python3"
onednn() { PATH=$scratch/bin:$PATH "$tree/scripts/onednn" "$@" >"$scratch/output" 2>&1; }

for _ in first second; do
  onednn || fail "it failed"
  [[ $(tail -n 1 "$scratch/output") == "$tree/build/onednn" ]] || fail "the folder is not named"
done
[[ $(wc -l <"$tree/calls") == 1 ]] || fail "it is not fetched once: $(cat "$tree/calls")"
grep -q 'onednn-devel-cpu-gomp==' "$tree/calls" || fail "not the build on OpenMP: $(cat "$tree/calls")"
rm "$tree/build/onednn/include/oneapi/dnnl/dnnl.h"
! onednn || fail "packages without the header pass"
! onednn --nonsense || fail "an unknown word passes"
