"""Run every contender once a round and write the table; ../versus_pytorch.sh calls it.

Imports nothing big: Linux counts the memory of the process that starts a child as the child's
first peak.
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# What a run is measured by: name in the tables, unit, decimals.
MEASURES = {
    "train_images_per_second": ("training", "images/s", 0),
    "eval_images_per_second": ("evaluation", "images/s", 0),
    "seconds": ("whole process", "s", 1),
    "peak_megabytes": ("peak memory", "MB", 0),
}

# Who is set against whom: the first's numbers are divided by the second's.
RUNNER_TO_PYTORCH = [
    ("digits-runner-2", "digits-pytorch-2"),
    ("digits-runner-1", "digits-pytorch-1"),
    ("digits-runner-2", "digits-tutorial"),
    ("dense-runner-2", "dense-pytorch-2"),
    ("mnist-runner-2", "mnist-pytorch-2"),
]
TWO_TO_ONE_THREAD = [
    ("digits-runner-2", "digits-runner-1"),
    ("digits-pytorch-2", "digits-pytorch-1"),
]

RAW_COLUMNS = [
    "round",
    "contender",
    "seconds",
    "cpu_seconds",
    "cpu_seconds_of_others",
    "peak_megabytes",
    "epoch",
    "train_images_per_second",
    "eval_images_per_second",
    "eval_accuracy",
]


@dataclass
class Contender:
    """One process to measure. Its name ends in the number of threads."""

    name: str
    what: str
    command: list[str]
    is_runner: bool


def contenders(arguments):
    """All of them, in the order of the odd rounds."""
    work = arguments.work

    def runner(name, what, config, folder, threads, *overrides):
        path = f"data.path={json.dumps(str(folder))}"
        command = [arguments.runner, "run", config, path, *overrides]
        command += ["--threads", threads, "--out", work / "runs", "-q"]
        return Contender(name, what, [str(word) for word in command], True)

    def pytorch(name, what, script, *options):
        command = [arguments.python, HERE / script, *options]
        return Contender(name, what, [str(word) for word in command], False)

    def in_memory(name, what, network, folder, threads, *options):
        options = ["--network", network, "--threads", threads, *options]
        return pytorch(name, what, "in_memory.py", folder, *options)

    digits, noise, dense = ROOT / "data" / "digits", work / "mnist", work / "dense"
    baseline, dense_config = ROOT / "configs/baseline.toml", HERE / "dense.toml"
    return [
        pytorch(
            "digits-tutorial",
            "PyTorch, 2 threads, the tutorial's script: JPEG files through a DataLoader",
            "tutorial.py",
            work / "jpegs",
        ),
        in_memory(
            "digits-pytorch-2",
            "PyTorch, 2 threads, images in memory",
            "baseline",
            digits,
            2,
        ),
        in_memory(
            "digits-pytorch-1",
            "PyTorch, 1 thread, images in memory",
            "baseline",
            digits,
            1,
        ),
        runner(
            "digits-runner-2",
            "`runner run configs/baseline.toml --threads 2`, a checkpoint every epoch",
            baseline,
            digits,
            2,
        ),
        runner(
            "digits-runner-1",
            "the same with `--threads 1`",
            baseline,
            digits,
            1,
        ),
        in_memory(
            "dense-pytorch-2",
            "PyTorch, 2 threads, images in memory",
            "dense",
            dense,
            2,
        ),
        runner(
            "dense-runner-2",
            "`runner run benches/versus_pytorch/dense.toml --threads 2`",
            dense_config,
            dense,
            2,
        ),
        in_memory(
            "mnist-pytorch-2",
            "PyTorch, 2 threads, images in memory",
            "baseline",
            noise,
            2,
            "--epochs",
            1,
        ),
        runner(
            "mnist-runner-2",
            "`runner run configs/baseline.toml training.epochs=1 --threads 2` on these images",
            baseline,
            noise,
            2,
            "training.epochs=1",
        ),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", type=Path, required=True, help="the program")
    parser.add_argument("--python", type=Path, required=True, help="one with PyTorch")
    parser.add_argument("--work", type=Path, required=True, help="what data.py wrote")
    parser.add_argument("--results", type=Path, required=True, help="where to write")
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--command", required=True, help="for the head of the table")
    arguments = parser.parse_args()
    # Not resolved: a virtual environment's python is a link.
    for name in ("runner", "python", "work", "results"):
        setattr(arguments, name, getattr(arguments, name).absolute())
    shutil.rmtree(arguments.work / "runs", ignore_errors=True)

    packages = ("torchvision", "scikit-learn", "numpy", "pillow")
    head = describe("PyTorch", packages, arguments)
    everyone = contenders(arguments)
    results = {contender.name: [] for contender in everyone}
    raw = arguments.work / "raw.csv"
    with raw.open("w", newline="") as file:
        table = csv.DictWriter(file, RAW_COLUMNS, lineterminator="\n")
        table.writeheader()
        for turn in range(1, arguments.rounds + 1):
            # Back and forth, so that nobody always follows the same one.
            for contender in everyone if turn % 2 else reversed(everyone):
                process, epochs = measure(contender, arguments.work)
                identity = {"round": turn, "contender": contender.name}
                table.writerows(identity | process | epoch for epoch in epochs)
                file.flush()
                result = summarize(process, epochs)
                results[contender.name].append(result)
                say(turn, arguments.rounds, contender.name, result)

    arguments.results.mkdir(parents=True, exist_ok=True)
    stem = arguments.results / f"{date.today().isoformat()}-versus-pytorch"
    shutil.copyfile(raw, stem.with_suffix(".csv"))
    report = write_report(head, everyone, results, stem.with_suffix(".csv").name)
    stem.with_suffix(".md").write_text(report)
    print(stem.with_suffix(".md"))


# Measuring


def measure(contender, work):
    """One run: what its process cost, and its epochs."""
    process, output = run(contender.command, work / "stderr.txt")
    if contender.is_runner:
        epochs = read_run(Path(output.strip()))
    else:
        epochs = [json.loads(line) for line in output.splitlines()]
    kept = [column for column in RAW_COLUMNS if column in epochs[0]]
    return process, [{column: epoch[column] for column in kept} for epoch in epochs]


def run(command, stderr):
    """Run a command to its end: what its process cost, and its stdout."""
    # A thread count left in the environment would belie the table.
    environment = {
        key: value for key, value in os.environ.items() if not key.endswith("_THREADS")
    }
    with stderr.open("w+") as errors:
        busy = busy_seconds()
        start = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors
        )
        output = child.stdout.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            tail = "".join(errors.readlines()[-20:])
            sys.exit(f"{' '.join(command)}\nended with {child.returncode}:\n{tail}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    others = max(0.0, busy_seconds() - busy - cpu_seconds)
    process = {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
        "cpu_seconds_of_others": round(others, 2),
        "peak_megabytes": round(usage.ru_maxrss * 1024 / 1e6, 1),  # it counts in KiB
    }
    return process, output


def busy_seconds():
    """What all processors together have worked, or had taken from them, since the start."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(
            int, file.readline().split()[1:9]
        )
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


def read_run(folder):
    """The epochs of a run directory."""
    with (
        (folder / "timing.csv").open() as timing,
        (folder / "metrics.csv").open() as metrics,
    ):
        rows = zip(csv.DictReader(timing), csv.DictReader(metrics), strict=True)
        return [
            {
                "epoch": int(score["epoch"]),
                "train_images_per_second": float(speed["train_images_per_second"]),
                "eval_images_per_second": float(speed["eval_images_per_second"]),
                "eval_accuracy": float(score["eval_accuracy"]),
            }
            for speed, score in rows
        ]


def summarize(process, epochs):
    """One run as one number a measure: medians over its epochs."""
    median = {
        key: statistics.median(epoch[key] for epoch in epochs)
        for key in ("train_images_per_second", "eval_images_per_second")
    }
    return process | median | {"eval_accuracy": epochs[-1]["eval_accuracy"]}


def say(turn, rounds, name, result):
    numbers = ", ".join(
        f"{title} {result[key]:,.{decimals}f} {unit}"
        for key, (title, unit, decimals) in MEASURES.items()
    )
    print(f"round {turn}/{rounds} {name}: {numbers}", file=sys.stderr, flush=True)


# Reporting


def describe(opponent, packages, arguments):
    """The head of the report: what was measured, on what."""
    load = Path("/proc/loadavg").read_text().split()[0]
    ask = (
        "import json, platform, torch\n"
        "from importlib.metadata import version\n"
        "versions = {'Python': platform.python_version(), 'torch': torch.__version__}\n"
        f"for name in {packages!r}:\n"
        "    versions[name] = version(name)\n"
        "print(json.dumps(versions))\n"
    )
    command = [str(arguments.python), "-c", ask]
    process, output = run(command, arguments.work / "stderr.txt")
    versions = ", ".join(
        f"{name} {number}" for name, number in json.loads(output).items()
    )
    return [
        f"# runner against {opponent}, {date.today().isoformat()}",
        "",
        f"- command: `{arguments.command}`, load average {load} at the start",
        f"- machine: {processor()}, {len(os.sched_getaffinity(0))} cores",
        f"- {text(arguments.runner, '--version')}, commit {commit()}, "
        f"{text('rustc', '--version')}",
        f"- PyTorch: {versions}; a process that only imports torch has a peak of "
        f"{process['peak_megabytes']:.0f} MB",
    ]


def text(*command):
    """What a command prints, or `unknown`."""
    try:
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def commit():
    """The commit, `-dirty` if any file but a result differs from it."""
    name = text("git", "rev-parse", "--short=12", "HEAD")
    changed = text("git", "status", "--porcelain", "--", ".", ":!benches/results")
    return f"{name}-dirty" if name != "unknown" and changed else name


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def write_report(head, everyone, results, raw):
    rounds = len(results[everyone[0].name])
    runs = [run for runs in results.values() for run in runs]
    others = max(run["cpu_seconds_of_others"] / run["seconds"] for run in runs)
    titles = [f"{title}, {unit}" for title, unit, _ in MEASURES.values()]
    lines = [
        *head,
        f"- other processes took at most {others:.2f} of a core during a run",
        "",
        "`digits`: configs/baseline.toml, 10,000 + 5,000 images, 5 epochs. "
        "`dense`: benches/versus_pytorch/dense.toml, three 3x3 convolutions with batch norm on "
        "2,560 + 2,560 images of noise, 3x32x32, 3 epochs. `mnist`: the baseline's network on "
        "60,000 + 10,000 images of noise, 1 epoch. The number is that of threads.",
        "",
        *(f"- `{contender.name}`: {contender.what}" for contender in everyone),
        "",
        f"Median (minimum to maximum) of {rounds} rounds, in each of which everyone ran once. "
        "Images a second are the median over the epochs of a run, scores and checkpoints left "
        "out; the whole process has everything, from its start to its end.",
        "",
        row("", *titles, "eval accuracy"),
        row("---", *["---:"] * (len(titles) + 1)),
        *(measured(contender.name, results[contender.name]) for contender in everyone),
        "",
        "Ratios within a round, again median (minimum to maximum). runner's number divided by "
        "PyTorch's: above 1 it has more images a second, but takes more time and memory.",
        "",
        *ratios(RUNNER_TO_PYTORCH, results),
        "",
        "Two threads divided by one.",
        "",
        *ratios(TWO_TO_ONE_THREAD, results),
        "",
        f"Every epoch of every run: [{raw}]({raw}).",
    ]
    return "\n".join(lines) + "\n"


def row(*cells):
    return f"| {' | '.join(cells)} |"


def measured(name, runs):
    cells = [
        spread([run[key] for run in runs], decimals)
        for key, (_, _, decimals) in MEASURES.items()
    ]
    accuracy = statistics.median(run["eval_accuracy"] for run in runs)
    return row(f"`{name}`", *cells, f"{accuracy:.4f}")


def ratios(pairs, results):
    yield row("", *(title for title, _, _ in MEASURES.values()))
    yield row("---", *["---:"] * len(MEASURES))
    for first, second in pairs:
        rounds = list(zip(results[first], results[second], strict=True))
        cells = (spread([a[key] / b[key] for a, b in rounds], 2) for key in MEASURES)
        yield row(f"`{first}` / `{second}`", *cells)


def spread(numbers, decimals):
    """Median (minimum to maximum)."""
    median, low, high = (
        f"{number:,.{decimals}f}"
        for number in (statistics.median(numbers), min(numbers), max(numbers))
    )
    return f"{median} ({low} to {high})"


if __name__ == "__main__":
    main()
