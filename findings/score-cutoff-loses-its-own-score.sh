#!/usr/bin/env bash
# RapidFuzz's score_cutoff is documented as the score below which 0 is returned. A pair whose score is the cutoff is lost all the
# same for about half of all scores, and so is one up to about 1e-9 above it: the cutoff becomes a distance, rounded down, before the
# comparison. Exit code 0 while this is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q rapidfuzz==3.14.6 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import rapidfuzz
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

score = Levenshtein.normalized_similarity("aaa", "aaaaa")
at_cutoff = Levenshtein.normalized_similarity("aaa", "aaaaa", score_cutoff=score)
below = Levenshtein.normalized_similarity("aaa", "aaaaa", score_cutoff=score - 1e-9)
further = Levenshtein.normalized_similarity("aaa", "aaaaa", score_cutoff=score - 1e-6)
in_bulk = process.cpdist(["aaa"], ["aaaaa"], scorer=Levenshtein.normalized_similarity, score_cutoff=score, dtype=np.float64)

pairs = lost = 0
for length in range(2, 130):
    for edits in range(1, length):
        first, second = "a" * (length - edits), "a" * length
        own = Levenshtein.normalized_similarity(first, second)
        pairs += 1
        lost += Levenshtein.normalized_similarity(first, second, score_cutoff=own) == 0.0

print("Python", sys.version.split()[0], "rapidfuzz", rapidfuzz.__version__, "numpy", np.__version__)
print(f"similarity of aaa and aaaaa: {score!r}")
print(f"with score_cutoff={score!r}: {at_cutoff!r}, 1e-9 lower: {below!r}, 1e-6 lower: {further!r}; cpdist at the score: {in_bulk.tolist()}")
print(f"{lost} of {pairs} pairs are lost with their own score as cutoff")

sys.exit(0 if score == further == 0.6 and at_cutoff == below == in_bulk[0] == 0.0 and 0.2 < lost / pairs < 0.8 else 1)
PYTHON
