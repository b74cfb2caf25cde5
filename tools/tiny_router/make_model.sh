#!/bin/sh
# Trains the tiny router in its two phases: sh make_model.sh ../../models/tiny [PYTHON]
set -e
cd "$(dirname "$0")"
python="${2:-python3}"
"$python" train.py --out "$1"
"$python" train.py --out "$1" --second-phase --seed 21 --shards 6 --lr 8e-4 --singles 300
