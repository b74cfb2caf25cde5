#!/bin/sh
# make_sysroot.sh ARCHITECTURE FOLDER PACKAGE...
#   Makes FOLDER a root file system with the Debian packages PACKAGE... of another architecture and what
#   they need, to cross-compile against. Nothing is installed and no rights are needed: apt resolves and
#   downloads with a state of its own, and the packages are only unpacked. A folder that was made from
#   the same list is kept.
set -eu

architecture=$1
folder=$2
shift 2
list="$architecture $*"
if [ "$(cat "$folder/made-from" 2>/dev/null || true)" = "$list" ]; then exit 0; fi

rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
touch "$work/state/status"
cat >"$work/apt.conf" <<END
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
Dir::State "$work/state";
Dir::State::status "$work/state/status";
Dir::Cache "$work/cache";
END
APT_CONFIG=$work/apt.conf
export APT_CONFIG
apt-get update -qq
apt-get install -y -qq --no-install-recommends --download-only "$@" >/dev/null
for package in "$work"/cache/archives/*.deb; do dpkg -x "$package" "$folder"; done

# Links between files of the other system are absolute there; here they have to start at FOLDER.
find "$folder" -type l -lname '/*' | while read -r link; do
  ln -sfn "$folder$(readlink "$link")" "$link"
done
# Installing chooses among alternatives; here OpenBLAS is the BLAS and the LAPACK.
for libraries in "$folder"/usr/lib/*/openblas-pthread; do
  [ -d "$libraries" ] || continue
  triplet=$(dirname "$libraries")
  for library in "$libraries"/*.so*; do
    ln -sf "openblas-pthread/$(basename "$library")" "$triplet/$(basename "$library")"
  done
  for package in openblas blas-openblas lapack-openblas; do
    ln -sf "../openblas-pthread/pkgconfig/$package.pc" "$triplet/pkgconfig/${package%-openblas}.pc"
  done
done
echo "$list" >"$folder/made-from"
