#!/usr/bin/env bash
# Outside suites and real clients against build/bin/trinity serve, see README.md beside.
#
#   tools/clients/run.sh             all but the slow ones
#   tools/clients/run.sh SUITE...    only these
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/run_suites.py" "$@"
