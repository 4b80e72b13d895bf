"""Prints the figures that `readers` gathered as Markdown tables of medians."""

import collections
import statistics
import sys

FIELDS = ["publisher", "mode", "gateways", "asked", "linger", "rate", "us", "redis", "driver", "reads", "rings",
          "p50", "p99", "missing"]


def load(path):
    runs = collections.defaultdict(list)
    with open(path) as lines:
        for line in lines:
            run = dict(zip(FIELDS, line.rstrip("\n").split("\t")))
            key = (run["publisher"], int(run["asked"]), int(run["gateways"]), float(run["linger"]), run["mode"])
            runs[key].append({name: float(run[name]) for name in FIELDS[5:]})
    return {key: {name: statistics.median(run[name] for run in found) for name in found[0]}
            for key, found in runs.items()}


def cost(case, alone, reference):
    full = " (full)" if case["redis"] > 0.95 or case["missing"] else ""
    return f"{case['us'] - alone['us']:.0f} = {case['us'] / reference['us']:.2f}×{full}"


TABLES = [
    ("Redis CPU for reading, µs per event (all of Redis' CPU as a ratio to `all`; full: Redis had no CPU left)", cost),
    ("Latency, ms: median / 99 %", lambda case, *_: f"{case['p50']:.2f} / {case['p99']:.2f}"),
    ("Reads (and rings) per event", lambda case, *_: f"{case['reads']:.2f}"
     + (f" ({case['rings']:.2f})" if case["rings"] else "")),
    ("Share of a core: Redis / publisher and readers", lambda case, *_: f"{case['redis']:.2f} / {case['driver']:.2f}"),
]


def main():
    cases = load(sys.argv[1])
    modes = list(dict.fromkeys(key[4] for key in cases if key[2] > 0))
    for title, cell in TABLES:
        print(f"{title}:\n")
        print(f"| publisher | events/s | gateways | linger, ms | {' | '.join(modes)} |")
        print("| --- " * (4 + len(modes)) + "|")
        for publisher, rate, gateways, linger in dict.fromkeys(key[:4] for key in cases if key[2] > 0):
            alone = cases[publisher, rate, 0, 0, "all"]
            row = {mode: cases.get((publisher, rate, gateways, linger, mode)) for mode in modes}
            reference = row.get("all") or next(filter(None, row.values()))
            cells = [cell(case, alone, reference) if case else "–" for case in row.values()]
            print(f"| {publisher} | {rate:,} | {gateways} | {linger:g} | {' | '.join(cells)} |")
        print()
    print("Without readers:\n")
    print("| publisher | events/s | Redis, µs per event |")
    print("| --- | --- | --- |")
    for key, case in cases.items():
        if key[2] == 0:
            print(f"| {key[0]} | {key[1]:,} | {case['us']:.1f} |")


main()
