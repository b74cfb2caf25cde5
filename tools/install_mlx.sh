#!/bin/sh
# install_mlx.sh [FOLDER]
#   Installs Apple's MLX from the Python package index into a virtual environment (default: .venv-mlx in
#   the project's folder, which git ignores and the build looks into) and prints the folder of its CMake
#   package. Does nothing when this version is there. Python is only used to install; nothing of trinity
#   runs it.
set -eu

VERSION=0.32.4
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$root/.venv-mlx}

# The package for Linux has the library only with one of its extras.
case $(uname -s) in
  Darwin) requirement="mlx==$VERSION" ;;
  *) requirement="mlx[cpu]==$VERSION" ;;
esac

cmake_folder() {
  for found in "$folder"/lib/python3*/site-packages/mlx/share/cmake/MLX; do
    if grep -q "\"$VERSION\"" "$found/MLXConfigVersion.cmake" 2>/dev/null; then
      echo "$found"
      return
    fi
  done
}

if [ -z "$(cmake_folder)" ]; then
  # Made beside its place and moved there whole: the build must not find half a package.
  rm -rf "$folder.partial"
  if ! python3 -m venv "$folder.partial" >&2 ||
    ! "$folder.partial/bin/pip" install --quiet --disable-pip-version-check --timeout 30 --retries 2 \
      "$requirement" >&2; then
    rm -rf "$folder.partial"
    echo "MLX $VERSION could not be installed: is there a network, and python3 with venv and pip?" >&2
    exit 3
  fi
  rm -rf "$folder"
  mv "$folder.partial" "$folder"
fi

found=$(cmake_folder)
if [ -z "$found" ]; then
  echo "MLX was installed into $folder, but its CMake package is not where it is expected" >&2
  exit 3
fi
echo "$found"
