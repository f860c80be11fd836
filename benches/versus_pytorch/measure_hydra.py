"""Run one sweep by every contender once a round and print the table; ../versus_hydra.sh calls it."""

import argparse
import csv
import itertools
import json
import re
import shlex
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from measure import HERE, ROOT, describe, row, run, spread

BATCH_SIZES = (64, 128, 256, 512)
LEARNING_RATES = (3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3)
BASELINE = ROOT / "configs/baseline.toml"
DIGITS = ROOT / "data/digits"


@dataclass
class Contender:
    """A whole sweep by one command, and where it leaves its results."""

    name: str
    what: str
    command: list[str]
    results: Path
    # Below `results`: a file a trial, its last line with the accuracy. `latest`, a link, does not fit.
    pattern: str


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", type=Path, required=True, help="the program")
    parser.add_argument("--python", type=Path, required=True, help="one with PyTorch")
    parser.add_argument("--work", type=Path, required=True, help="a folder to work in")
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument(
        "--trials", type=int, required=True, help="4, 8, 12, 16, 20, 24"
    )
    parser.add_argument("--command", required=True, help="for the head of the table")
    arguments = parser.parse_args()
    for name in ("runner", "python", "work"):
        setattr(arguments, name, getattr(arguments, name).absolute())

    packages = ("hydra-core", "hydra-joblib-launcher", "joblib", "numpy")
    head = describe("Hydra", packages, arguments)
    rates = LEARNING_RATES[: arguments.trials // len(BATCH_SIZES)]
    sweep = write_sweep(arguments.work, rates)
    best = best_parallel(arguments.runner, sweep)
    everyone = contenders(arguments, sweep, rates, best)
    results = {contender.name: [] for contender in everyone}
    for turn in range(1, arguments.rounds + 1):
        # Back and forth, so that nobody always follows the same one.
        for contender in everyone if turn % 2 else reversed(everyone):
            result = measure(contender, arguments)
            results[contender.name].append(result)
            print(
                f"round {turn}/{arguments.rounds} {contender.name}: "
                f"{result['seconds']:.1f} s, best accuracy {result['accuracy']:.4f}",
                file=sys.stderr,
                flush=True,
            )
    print("\n".join(report(head, everyone, results, best, rates)))


# Who takes part


def write_sweep(work, rates):
    """The sweep file of runner; the others get the same values."""
    path = work / "sweep.toml"
    path.write_text(
        f"config = {json.dumps(str(BASELINE))}\n"
        "[parameters]\n"
        f'"training.learning_rate" = {{ values = {list(rates)} }}\n'
        f'"training.batch_size" = {{ values = {list(BATCH_SIZES)} }}\n'
        "[search]\n"
        "grid = {}\n"
        "[objective]\n"
        'monitor = "eval_accuracy"\n'
    )
    return path


def best_parallel(runner, sweep):
    """How many trials at a time `runner sweep check` says are best."""
    command = [runner, "sweep", "check", sweep]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(re.search(r"^best +--parallel (\d+)$", done.stdout, re.MULTILINE)[1])


def contenders(arguments, sweep, rates, best):
    """All of them, in the order of the odd rounds."""
    runner, work = arguments.runner, arguments.work

    def sweep_run(parallel):
        name = f"runner-sweep-{parallel}"
        out = work / name
        options = ["--parallel", parallel, "--out", out, "--quiet"]
        command = [runner, "sweep", "run", sweep, *options]
        what = f"`runner sweep run FILE --parallel {parallel}`"
        pattern = "sweeps/*/trials/*-*/metrics.csv"
        return Contender(name, what, list(map(str, command)), out, pattern)

    def hydra(jobs, threads):
        name = f"hydra-{jobs}"
        out = work / name
        command = [
            arguments.python,
            HERE / "hydra_sweep.py",
            "--multirun",
            "hydra/launcher=joblib",
            f"hydra.launcher.n_jobs={jobs}",
            f"hydra.sweep.dir={out}",
            f"folder={DIGITS}",
            f"threads={threads}",
            f"learning_rate={','.join(map(str, rates))}",
            f"batch_size={','.join(map(str, BATCH_SIZES))}",
        ]
        what = f"Hydra's multirun of PyTorch, joblib launcher, n_jobs={jobs}, threads={threads}"
        return Contender(name, what, list(map(str, command)), out, "*/epochs.jsonl")

    return [
        *(sweep_run(parallel) for parallel in sorted({2, best})),
        for_loop(runner, work / "runner-loop", rates),
        hydra(2, 1),
        hydra(1, 2),
    ]


def for_loop(runner, out, rates):
    """What one writes without sweeps: a run after the other, each on all cores."""
    runs = (
        shlex.join(
            [
                *(str(runner), "run", str(BASELINE), "--quiet", "--out", str(out)),
                *(f"training.learning_rate={rate}", f"training.batch_size={size}"),
            ]
        )
        for rate, size in itertools.product(rates, BATCH_SIZES)
    )
    what = "a loop over `runner run`, each on all cores"
    command = ["bash", "-c", " && ".join(runs)]
    return Contender(out.name, what, command, out, "*-*/metrics.csv")


# Measuring


def measure(contender, arguments):
    """One sweep from the start of its process to the end: nothing is there from the last round."""
    shutil.rmtree(contender.results, ignore_errors=True)
    process, _ = run(contender.command, arguments.work / "stderr.txt")
    finals = [
        final_accuracy(path) for path in contender.results.glob(contender.pattern)
    ]
    if len(finals) != arguments.trials:
        sys.exit(f"{contender.name} ran {len(finals)} trials of {arguments.trials}")
    return process | {"accuracy": max(finals)}


def final_accuracy(path):
    """The accuracy after the last epoch, which has to be the fifth."""
    with path.open() as file:
        if path.suffix == ".csv":
            epochs = list(csv.DictReader(file))
        else:
            epochs = [json.loads(line) for line in file]
    if int(epochs[-1]["epoch"]) != 5:
        sys.exit(f"{path} ends at epoch {epochs[-1]['epoch']}")
    return float(epochs[-1]["eval_accuracy"])


# Reporting


def report(head, everyone, results, best, rates):
    trials = len(rates) * len(BATCH_SIZES)
    rounds = len(results[everyone[0].name])
    runs = [run for runs in results.values() for run in runs]
    others = max(run["cpu_seconds_of_others"] / run["seconds"] for run in runs)
    yield from head
    yield f"- other processes took at most {others:.2f} of a core during a sweep"
    yield f"- `runner sweep check` says that `--parallel {best}` is best"
    yield ""
    yield (
        f"{trials} trials of configs/baseline.toml, 5 epochs each with an evaluation: "
        f"learning rates {', '.join(map(str, rates))} x batch sizes {', '.join(map(str, BATCH_SIZES))}. "
        "PyTorch keeps the images in memory as tensors, read once a process, is in its fastest mode for "
        "this network (channels_last), and writes no checkpoints. The time is that of the whole command. "
        f"Median (minimum to maximum) of {rounds} rounds, in each of which everyone ran once."
    )
    yield ""
    yield row(
        "", "trials an hour", "whole sweep, s", "processor time, s", "best accuracy"
    )
    yield row("---", *["---:"] * 4)
    for contender in everyone:
        done = results[contender.name]
        yield row(
            f"{contender.what} (`{contender.name}`)",
            spread([trials * 3600 / it["seconds"] for it in done], 0),
            spread([it["seconds"] for it in done], 1),
            spread([it["cpu_seconds"] for it in done], 0),
            f"{statistics.median(it['accuracy'] for it in done):.4f}",
        )
    yield ""
    yield "Trials an hour within a round, `runner sweep run` divided by the others."
    yield ""
    yield from ratios(everyone, results)


def ratios(everyone, results):
    """The faster of runner's sweeps against the loop and the faster of Hydra's two."""

    def seconds(contender):
        return statistics.median(it["seconds"] for it in results[contender.name])

    def fastest(prefix):
        return min((it for it in everyone if it.name.startswith(prefix)), key=seconds)

    first = fastest("runner-sweep")
    yield row("", "times as many")
    yield row("---", "---:")
    for second in (fastest("runner-loop"), fastest("hydra")):
        pairs = zip(results[second.name], results[first.name], strict=True)
        times = [slow["seconds"] / fast["seconds"] for slow, fast in pairs]
        yield row(f"`{first.name}` / `{second.name}`", spread(times, 2))


if __name__ == "__main__":
    main()
