"""python -m benchmarks.soak [--minutes M | --turns N]: mixed work for long; 1 when something of the server grows."""

import argparse
import functools
import json
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

from tests.e2e.model import Model

from ..arena import PLACE
from ..servers import Oad
from .footprint import Footprint, take
from .verdict import Sample, judge, table
from .work import SCRIPTS, Gate, data_of, run_lane, run_reader

_WARM_UP = 0.25  # of the whole
_SAMPLES = 240
_SHORTEST_S, _LONGEST_S = 0.5, 15.0  # between two samples
_TELL_S = 30.0
_REST_S = 60.0
_THREADS_END_S = 12.0  # trio keeps idle ones for ten
_MOST_FAILURES = 0


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # the server is to end with us
    with ExitStack() as stack:
        model = stack.enter_context(closing(Model()))
        model.register(**SCRIPTS)
        scratch = tempfile.TemporaryDirectory(prefix="oad-soak-", dir=PLACE, ignore_cleanup_errors=True)
        server = Oad(Path(stack.enter_context(scratch)), model.configuration())
        server.start()
        stack.callback(server.stop)
        return Soak(server, options).run()


def _options() -> "Options":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--turns", type=int, default=0, help="so many turns instead, however long they take")
    parser.add_argument("--samples", type=Path, help="write every sample there, one line of JSON for each")
    parser.add_argument("--lanes", type=int, default=4, help="sessions side by side")
    parser.add_argument("--readers", type=int, default=3, help="event streams side by side")
    return parser.parse_args(namespace=Options())


class Options(argparse.Namespace):
    minutes: float
    turns: int
    samples: Path | None
    lanes: int
    readers: int


class Soak:
    def __init__(self, server: Oad, options: Options) -> None:
        self._server = server
        self._options = options
        self._gate = Gate()
        self._began = time.monotonic()
        self._told = self._began
        work = [functools.partial(run_lane, server, self._gate, n, server.pids) for n in range(options.lanes)]
        listening = [functools.partial(run_reader, server, self._gate, n) for n in range(options.readers)]
        self._threads = [threading.Thread(target=task, daemon=True) for task in (*work, *listening)]

    def run(self) -> int:
        for thread in self._threads:
            thread.start()
        self._gate.open()
        self._watch(_WARM_UP)
        before, turns, now = self._rest(), self._gate.turns, time.monotonic()
        self._gate.open()
        samples = self._watch(1.0)
        rate = (self._gate.turns - turns) / (time.monotonic() - now)
        after = self._rest()
        self._gate.ended.set()
        return self._report(samples, before, after, rate)

    def _watch(self, until: float) -> list[Sample]:
        """Until this share of the whole is done."""
        interval = min(max(self._options.minutes * 60 / _SAMPLES, _SHORTEST_S), _LONGEST_S)
        samples = list[Sample]()
        while self._share() < until:
            time.sleep(interval)
            samples.append(Sample(self._gate.turns, self._take()))
            self._write(samples[-1])
            self._tell(samples[-1])
        return samples

    def _share(self) -> float:
        if self._options.turns:
            return self._gate.turns / self._options.turns
        return (time.monotonic() - self._began) / (self._options.minutes * 60)

    def _take(self) -> Footprint:
        return take(self._server.pids(), data_of(self._server))

    def _rest(self) -> Footprint:
        """When all sessions are gone, and what that leaves behind is cleared away."""
        self._gate.close()
        end = time.monotonic() + _REST_S
        found = self._take()
        while time.monotonic() < end and any(kind.startswith(("session", "terminal")) for kind in found.kinds):
            time.sleep(0.5)
            found = self._take()
        time.sleep(_THREADS_END_S)
        return self._take()

    def _tell(self, sample: Sample) -> None:
        if time.monotonic() - self._told < _TELL_S:
            return
        self._told = time.monotonic()
        memory = {kind: round(found.memory_mb / found.count, 1) for kind, found in sorted(sample.found.kinds.items())}
        minutes = (self._told - self._began) / 60
        store = f"database {sample.found.store_mb():.1f} MB"
        print(f"{minutes:6.1f} min {sample.turns:7} turns, {store}, MB: {memory}", flush=True)

    def _write(self, sample: Sample) -> None:
        if (file := self._options.samples) is not None:
            kinds = {kind: (found.count, round(found.memory_mb, 2)) for kind, found in sample.found.kinds.items()}
            line = {"turns": sample.turns, "store_mb": sample.found.store_mb(), "memory_mb": kinds}
            with file.open("a") as out:
                out.write(json.dumps(line) + "\n")

    def _report(self, samples: list[Sample], before: Footprint, after: Footprint, rate: float) -> int:
        findings = judge(samples, (before, after))
        gate = self._gate
        print(f"\n{table(findings)}\n")
        print(f"{gate.turns} turns, {rate:.1f}/s after the warm-up: {dict(sorted(gate.done.items()))}")
        print(f"audit and log, which rotate: {after.rotated_mb():.1f} MB; failures: {len(gate.failures)}")
        for failure in gate.failures[:10]:
            print(f"  {failure}")
        return int(any(finding.grows for finding in findings) or len(gate.failures) > _MOST_FAILURES)


if __name__ == "__main__":
    sys.exit(main())
