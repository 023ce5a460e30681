"""What the measurements share: figures of rounds that two take in turns, as a table with medians
and the ratios that are aimed at, and a program around it."""

import argparse
import datetime
import os
import platform
import signal
import statistics
import subprocess
import sys

from peers import TOP


class Table:
    """Rows of a case, this project's figure, the peer's, how they compare, and the target."""

    def __init__(self, peer):
        self.peer = peer
        self.rows = []

    def add(self, part, case, ours, theirs, unit, least=None, most=None, bound=None):
        """`ours` and `theirs` are the figures of all rounds. Rounds are paired: the ratio is the
        median of theirs, and should be `least` or more, `most` or less; ours alone should be at
        most `bound`."""
        ratios = [a / b for a, b in zip(ours, theirs) if b]
        ratio = statistics.median(ratios) if ratios else None
        met = target = None
        if bound is not None:
            target, met = f"≤ {bound:g} {unit}", statistics.median(ours) <= bound
        elif ratio is not None and least is not None:
            target, met = f"≥ {least:g} ×", ratio >= least
        elif ratio is not None and most is not None:
            target, met = f"≤ {most:g} ×", ratio <= most
        self.rows.append((part, case, statistics.median(ours),
                          statistics.median(theirs) if theirs else None, unit, ratio, target, met))
        print(self.text(self.rows[-1]), flush=True)

    @staticmethod
    def cells(row):
        part, case, ours, theirs, unit, ratio, target, met = row

        def show(value):
            if value is None:
                return "-"
            return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
        return [part, case, show(ours), show(theirs), unit,
                "-" if ratio is None else f"{ratio:.2f}", target or "",
                {True: "yes", False: "no", None: ""}[met]]

    def text(self, row):
        widths = [16, 34, 12, 12, 8, 6, 11, 4]
        return "  ".join(cell.ljust(w) if i < 2 else cell.rjust(w)
                         for i, (cell, w) in enumerate(zip(self.cells(row), widths)))

    def markdown(self):
        head = ["", "case", "Skep", self.peer, "unit", "ratio", "target", "met"]
        lines = ["| " + " | ".join(head) + " |",
                 "| --- | --- | ---: | ---: | --- | ---: | --- | --- |"]
        return "\n".join(lines + ["| " + " | ".join(self.cells(row)) + " |" for row in self.rows])


def paired(rounds, ours, theirs):
    """Both measured in turns: two lists of figures."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def machine(versions):
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info
                      if line.startswith("model name")), platform.machine())
    skep = subprocess.run(["git", "-C", TOP, "rev-parse", "--short", "HEAD"], capture_output=True,
                          text=True, check=False).stdout.strip()
    return (f"{os.cpu_count()} × {model}, Linux {platform.release()}; Skep at {skep}, {versions}; "
            f"{datetime.date.today()}; load average {os.getloadavg()[0]:.1f} at the start")


def write_figures(role, args, where, table):
    """Replaces what stands between the marks of the role's page."""
    path = os.path.join(TOP, f"docs/bench-{role}.md")
    begin, end = "<!-- figures -->", "<!-- end of figures -->"
    with open(path, encoding="utf-8") as file:
        before, _, rest = file.read().partition(begin)
        _, _, after = rest.partition(end)
    words = " ".join(["scripts/bench", role] + (["--quick"] if args.quick else []) + args.part)
    text = f"\n`{words}`, {args.rounds} rounds: {where}.\n\n{table.markdown()}\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + text + end + after)


def main(role, description, parts, peer, versions):
    """The program that measures a role: `parts` are functions of a table and the arguments, by
    name; `versions` says what is measured beside it."""
    parser = argparse.ArgumentParser(prog=f"scripts/bench {role}", description=description)
    parser.add_argument("part", nargs="*", choices=[[], *parts], help="which parts; default: all")
    parser.add_argument("--quick", action="store_true", help="short runs, for a first impression")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--write", action="store_true", help="puts the table into docs/")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends, too
    where = machine(versions)
    print(where, flush=True)
    table = Table(peer)
    for part in args.part or parts:
        parts[part](table, args)
    print()
    print(table.markdown())
    if args.write:
        write_figures(role, args, where, table)
