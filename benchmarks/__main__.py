"""python -m benchmarks [NAME…] [--rounds N] [--alone]: measures, prints tables, and keeps the figures in results/."""

import argparse
from contextlib import closing

from tests.e2e.model import Model

from . import containment, projects, reads, returns, sizes, snapshots, starts, stops, tokens, turns
from .arena import Arena, Benchmark, kinds
from .results import table, write

BENCHMARKS: dict[str, Benchmark] = {
    **turns.BENCHMARKS,
    **tokens.BENCHMARKS,
    **stops.BENCHMARKS,
    **sizes.BENCHMARKS,
    **starts.BENCHMARKS,
    **reads.BENCHMARKS,
    **containment.BENCHMARKS,
    **projects.BENCHMARKS,
    **returns.BENCHMARKS,
    **snapshots.BENCHMARKS,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all if none is given")
    parser.add_argument("--rounds", type=int, default=3, help="how often the servers take turns")
    parser.add_argument("--alone", action="store_true", help="measure oad only")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    present, absent = kinds(alone=arguments.alone)
    with closing(Model()) as model:
        for name in arguments.names or BENCHMARKS:
            arena = Arena(model, present, arguments.rounds)
            benchmark = BENCHMARKS[name]
            benchmark.run(arena)
            write(name, benchmark.goals, arena.samples, absent)
            print(table(benchmark.goals, arena.samples, absent), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
