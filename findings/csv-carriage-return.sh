#!/usr/bin/env bash
# A carriage return inside a text does not survive pandas' own CSV: to_csv leaves it unquoted (csv.writer quotes only what its line
# terminator has in it), and read_csv takes it for the end of a row. One row of two columns becomes two rows, and the label ends
# up beside the second half of the text. Exit code 0 while this is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pandas==3.1.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import csv
import io
import sys

import pandas

texts = ["i lost my card\rplease help", "thanks"]
written = pandas.DataFrame({"text": texts, "label": ["card_lost", "none"]})
written.to_csv("rows.csv", index=False)
read = pandas.read_csv("rows.csv")

stream = io.StringIO(newline="")
csv.writer(stream, lineterminator="\n").writerow(["a\rb", "x"])
again = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))

print("Python", sys.version.split()[0], "pandas", pandas.__version__)
print("written:", written.to_dict("records"))
print("file:   ", open("rows.csv", newline="").read().encode())
print("read:   ", read.to_dict("records"))
print("csv.writer wrote", repr(stream.getvalue()), "and csv.reader reads", again)

as_stated = len(read) == 3 and read["text"].tolist() == ["i lost my card", "please help", "thanks"] and again == [["a"], ["b", "x"]]
sys.exit(0 if as_stated else 1)
PYTHON
