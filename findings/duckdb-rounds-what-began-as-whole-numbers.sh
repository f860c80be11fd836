#!/usr/bin/env bash
# duckdb 2.0.1: a column of a CSV file that begins with 20,479 whole numbers is rounded to whole numbers, silently.
#
# The type of a column is guessed from the first 20,480 lines. A score that is 1 in all of them makes a BIGINT, and then 0.4,
# 0.5 and 1e-3 become 0, 1 and 0; with one row less, all are kept. If as many cells are empty, the column is text. polars 2.1.0
# looks at 100 rows: a fraction after that is an error, and a column that began with empty cells is text, too. Both are
# right if they have to look at all rows, or if they find 1.0 in place of 1. A log with a row for each step, and what
# becomes of its last four scores. Seen:
#
#     duckdb, after 20,478 times 1           DOUBLE   [0.4, 0.5, 2.5, 0.001]
#     duckdb, after 20,479 times 1           BIGINT   [0, 1, 3, 0]
#     duckdb, after 20,479 times 1.0         DOUBLE   [0.4, 0.5, 2.5, 0.001]
#     duckdb, after 20,479 times nothing     VARCHAR  ['0.4', '0.5', '2.5', '1e-3']
#     duckdb, sample_size=-1                 DOUBLE   [0.4, 0.5, 2.5, 0.001]
#     polars, after 99 times 1               Float64  [0.4, 0.5, 2.5, 0.001]
#     polars, after 100 times 1              ComputeError
#     polars, after 100 times 1.0            Float64  [0.4, 0.5, 2.5, 0.001]
#     polars, after 100 times nothing        String   ['0.4', '0.5', '2.5', '1e-3']
#     polars, infer_schema_length=None       Float64  [0.4, 0.5, 2.5, 0.001]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${FINDINGS_VENV:-$work/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet duckdb==2.0.1 polars==2.1.0
"$venv/bin/python" - "$work/metrics.csv" > "$work/output" << 'PYTHON'
import sys

import duckdb
import polars

FILE = sys.argv[1]


def write(count, cell):
    cells = [cell] * count + ["0.4", "0.5", "2.5", "1e-3"]
    with open(FILE, "w") as file:
        file.write("step,score\n")
        file.writelines(f"{step},{cell}\n" for step, cell in enumerate(cells))


def show(title, kind, values=""):
    print(f"{title:38} {str(kind):8} {values}".rstrip())


def with_duckdb(title, count, cell, **options):
    write(count, cell)
    table = duckdb.read_csv(FILE, **options)
    values = [score for step, score in table.fetchall() if step >= count]
    show(f"duckdb, {title}", table.types[1], values)


def with_polars(title, count, cell, **options):
    write(count, cell)
    try:
        scores = polars.read_csv(FILE, **options)["score"]
    except polars.exceptions.PolarsError as error:
        show(f"polars, {title}", type(error).__name__)
    else:
        show(f"polars, {title}", scores.dtype, scores[count:].to_list())


with_duckdb("after 20,478 times 1", 20_478, "1")
with_duckdb("after 20,479 times 1", 20_479, "1")
with_duckdb("after 20,479 times 1.0", 20_479, "1.0")
with_duckdb("after 20,479 times nothing", 20_479, "")
with_duckdb("sample_size=-1", 20_479, "1", sample_size=-1)
with_polars("after 99 times 1", 99, "1")
with_polars("after 100 times 1", 100, "1")
with_polars("after 100 times 1.0", 100, "1.0")
with_polars("after 100 times nothing", 100, "")
with_polars("infer_schema_length=None", 100, "1", infer_schema_length=None)
PYTHON
diff <(sed -n 's/^#     //p' "$0") "$work/output" || { echo "it behaves differently now" >&2; exit 1; }
