"""What the tools behind two editors say of experiment files, by the schema: nothing of those that are right; of each
typo in `typos/` one or two messages, the first on the line that names the tool in a comment.

    python3 tests/editors/check.py TOMBI TAPLO

taplo marks values alone; of an unknown table, one inside.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
SCHEMA = PROJECT / "schema/experiment.schema.json"
MOST = 2


def messages(command, pattern, files):
    """The lines of the messages about each file, in the order in which they are told."""
    run = subprocess.run([*command, *files], capture_output=True, text=True)
    told = re.sub(r"\x1b\[[0-9;]*m", "", run.stdout + run.stderr)
    lines = {file: [] for file in files}
    for file, line in re.findall(pattern, told, re.MULTILINE):
        lines[Path(file).resolve()].append(int(line))
    if run.returncode != 0 and not any(lines.values()):
        sys.exit(f"{command[0]} failed:\n{told}")
    return lines


def expected(file, tool):
    """The line whose comment names the tool."""
    lines = file.read_text().splitlines()
    [line] = [n for n, text in enumerate(lines, 1) if tool in text.partition(" # ")[2]]
    return line


def with_schema(folder):
    """Copies of files that are right, each with the line that names the schema."""
    for source in [*PROJECT.glob("configs/*.toml"), *PROJECT.glob("tests/configs/vocabulary/*.toml")]:
        copy = folder / f"{source.parent.name}-{source.name}"
        copy.write_text(f"#:schema {SCHEMA}\n{source.read_text()}")
        yield copy


def main(tombi, taplo, folder):
    tools = {
        "tombi": ([tombi, "lint", "--offline"], r"^ *(?:Error|Warning): .*\n +at (.*):(\d+):\d+$"),
        "taplo": ([taplo, "lint"], r"^(?:error|warning): .*\n +┌─ (.*):(\d+):\d+$"),
    }
    right = [*with_schema(folder), *PROJECT.glob("configs/*.toml")]
    typos = sorted(HERE.glob("typos/*.toml"))
    wrong = 0
    for tool, (command, pattern) in tools.items():
        for file, lines in messages(command, pattern, right + typos).items():
            is_right = not lines
            wanted = "no message"
            if file in typos:
                line = expected(file, tool)
                is_right = lines[:1] == [line] and len(lines) <= MOST
                wanted = f"one or two messages, the first on line {line}"
            if not is_right:
                wrong += 1
                print(f"{tool}: {file}: {wanted}; told on lines {lines}")
    print(f"{len(right)} files that are right, {len(typos)} typos, {wrong} wrong")
    return wrong == 0 and len(right) > 10 and len(typos) >= 10


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(0 if main(*sys.argv[1:], Path(folder).resolve()) else 1)
