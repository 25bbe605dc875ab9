"""Ways to do the same, measured side by side.

Every round runs each way once, in an order that changes, so that what slows the machine
down meets all of them; what is compared is a round's own ratios. A row has the median,
the middle half, the ratio to one of the ways with its middle half, and peak memory.
"""
import json
import math
import os
import random
import statistics
import subprocess
import sys

BUILD = os.environ.get("VP_BUILD", "build/plain")
# Rows are written here as well, for a table of all benches: see tests/bench/run.
ROWS = os.environ.get("VP_BENCH_ROWS")


def cost(words, times=1):
    """Seconds, seconds of processor time, and peak memory in KiB of a command."""
    took, processor, peak = subprocess.run([f"{BUILD}/tests/cost-of", str(times), *words], check=True, text=True,
                                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split()
    return float(took) / 1e6, float(processor) / 1e6, int(peak)


def command(*words, before=None, times=1):
    """A way: a command, and what is called before each run of it, not measured."""
    def run():
        if before:
            before()
        return cost(words, times)
    return run


def report(row):
    if ROWS:
        with open(ROWS, "a", encoding="utf-8") as out:
            print(json.dumps(row), file=out)


def spread(values):
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3


def measure(group, ways, base, rounds, size=None, processor=False):
    """
    ways: {name: a function that gives what cost() gives}; base: the way that ratios are to; size: of the
    problem, for growth, or {name: size} where the ways differ in nothing else; processor: compare processor time.
    """
    all_costs = {name: [] for name in ways}
    for turn in range(rounds + 1):
        order = list(ways)
        random.shuffle(order)
        for name in order:
            took = ways[name]()
            if turn:  # the first warms caches
                all_costs[name].append(took)
        if sys.stderr.isatty():
            print(f"\r\033[K{group}: {turn}/{rounds}", end="\r" if turn == rounds else "", file=sys.stderr, flush=True)
    which = 1 if processor else 0
    rows = []
    for name, costs in all_costs.items():
        ratios = [c[which] / b[which] for c, b in zip(costs, all_costs[base]) if b[which]] or [math.nan]
        own = isinstance(size, dict)
        rows.append({"group": group, "way": name, "size": size[name] if own else size, "is_series": own, "processor": processor,
                     "time": spread([c[which] for c in costs]), "ratio": spread(ratios),
                     "peak": max(c[2] for c in costs), "base": base})
        report(rows[-1])
    show(rows)
    return rows


def version(*words):
    """The first line that a program says of its version; None: it is not there."""
    try:
        run = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except FileNotFoundError:
        return None
    return run.stdout.splitlines()[0].strip() if run.returncode == 0 and run.stdout else None


def package(debian, fedora):
    """The same of a package whose programs do not say."""
    return version("dpkg-query", "-W", "-f", "${Package} ${Version}\n", debian) or version("rpm", "-q", fedora)


def versions(*lines):
    for line in filter(None, lines):
        report({"version": line})


def milliseconds(seconds):
    return f"{seconds * 1000:.2f}" if seconds < 0.1 else f"{seconds * 1000:.0f}"


def kind(row):
    """What a group of rows measures at several sizes."""
    return row["group"].rpartition(",")[0] if row["size"] and not row["is_series"] else row["group"]


def exponents(rows):
    """
    {(group, way): how its time grows, as a power of the size}, between the two largest sizes: what a
    program costs at all hides it below them.
    """
    sizes = {}
    for row in rows:
        if row["size"]:
            way = None if row["is_series"] else row["way"]
            sizes.setdefault((kind(row), way), []).append((row["size"], row["time"][1], row["group"], row["way"]))
    found = {}
    for points in sizes.values():
        if len(points) > 1:
            (small, fast, _, _), (large, slow, group, way) = sorted(points)[-2:]
            found[group, way] = math.log(slow / fast) / math.log(large / small)
    return found


def show(rows):
    growth, group = exponents(rows), None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            unit = "cpu ms" if row["processor"] else "ms"
            print(f"\n{group:46} {unit:>9} {'middle half':>17} {'ratio':>7} {'middle half':>15} {'KiB':>8} {'growth':>7}")
        low, middle, high = row["time"]
        exponent = growth.get((group, row["way"]))
        print(f"  {row['way']:44} {milliseconds(middle):>9} {milliseconds(low) + '-' + milliseconds(high):>17} "
              f"{row['ratio'][1]:7.2f} {row['ratio'][0]:7.2f}-{row['ratio'][2]:<7.2f} {row['peak'] or '':>8} "
              f"{'' if exponent is None else f'n^{exponent:.2f}':>7}")
    sys.stdout.flush()
