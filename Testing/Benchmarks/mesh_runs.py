"""Cases of the mesh benchmarks: each in its own process, kept when it is done, and held against its aims.

A case that was measured with the same code is not measured again, so a run that was interrupted goes on; `--again`
measures all. What is kept lies in work/benchmarks, which is no part of the repository.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

from machine import describe_machine, load

BENCHMARKS = Path(__file__).resolve().parent
ROOT = BENCHMARKS.parents[1]
KEPT = ROOT / "work" / "benchmarks"
CODE = ("HeartSeg3D/HeartSeg3DLib/meshing", "HeartSeg3D/HeartSeg3DLib/api", "Testing/Python/meshing/analytic_heart.py")

_STOPPED = "stopped after"

Row = dict[str, object]


@dataclass(frozen=True)
class Aim:
    """A figure and what it should be at most, or at least.

    Attributes:
        name: What it is, with its unit.
        value: What was found; None where it could not be measured, which misses the aim.
        limit: What it should be.
        at_least: Whether the limit is a floor.
    """

    name: str
    value: float | None
    limit: float
    at_least: bool = False

    @property
    def reached(self) -> bool:
        """Whether the figure is as it should be; one that is no number is not."""
        if self.value is None:
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        found = "not measured" if self.value is None else f"{self.value:.4g}"
        sign = ">=" if self.at_least else "<="
        return f"{'reached' if self.reached else 'MISSED '}  {self.name}: {found}, aim {sign} {self.limit:g}"


def judged(aims: list[Aim]) -> list[Row]:
    """Return aims with their verdicts as they are stored."""
    return [asdict(aim) | {"reached": aim.reached} for aim in aims]


class Benchmark:
    """A benchmark's cases and their rows.

    Args:
        script: The benchmark's file.
        about: What `--help` says.
        cases: By name; what they are is the script's affair.
        modules: Names of modules beside the script that its figures come from.
    """

    def __init__(self, script: str, about: str, cases: Mapping[str, object], modules: tuple[str, ...] = ()) -> None:
        parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("names", nargs="*", metavar="NAME", help="cases, by default all: " + "; ".join(cases))
        parser.add_argument("--again", action="store_true", help="measure what was measured with this code, too")
        parser.add_argument("--child", help=argparse.SUPPRESS)
        self._options = parser.parse_args()
        self._script, self._cases = Path(script).resolve(), cases
        self._name = self._script.stem
        self._code = (*CODE, *(f"Testing/Benchmarks/{module}.py" for module in (self._name, *modules)))
        unknown = [name for name in [*self._options.names, self._options.child or ""] if name and name not in cases]
        if unknown:
            parser.error(f"there is no case {unknown[0]}")

    def run(self, measure: Callable[[str], Row], time_limit_s: float = 3600.0) -> dict[str, Row]:
        """Measure the cases, each in its own process, and store results/SCRIPT.json; return the rows."""
        if self._options.child:
            print(json.dumps(measure(self._options.child)))
            raise SystemExit(0)
        return self.run_all(lambda name: run_alone([str(self._script), "--child", name], time_limit_s))

    def run_all(self, measure: Callable[[str], Row]) -> dict[str, Row]:
        """Measure the cases as the function does it, keep each at once, and return the rows."""
        for name in self._options.names or self._cases:
            code = fingerprint(self._code)
            if not self._options.again and is_measured(self._rows(code).get(name)):
                print(f"{name}: measured before with this code; --again measures it again", flush=True)
                continue
            row = {"load_before": load(), **measure(name), "machine": describe_machine()}
            if fingerprint(self._code) != code:
                print(f"{name}: the code changed meanwhile, so this is not kept", flush=True)
                continue
            self._keep(name, row, code)
            print(f"{name}: {json.dumps(row)[:300]}", flush=True)
            for aim in row.get("aims", []):
                print("   ", Aim(**{key: aim[key] for key in ("name", "value", "limit", "at_least")}), flush=True)
        rows = self._rows(fingerprint(self._code))
        missed = [f"{name}: {aim['name']}" for name, row in rows.items() for aim in row.get("aims", [])
                  if not aim["reached"]]
        count = sum(len(row.get("aims", [])) for row in rows.values())
        if count:
            print(f"{count - len(missed)} of {count} aims reached. Missed: {'; '.join(missed) or 'none'}")
        return rows

    def _keep(self, name: str, row: Row, code: str) -> None:
        kept = self._kept()
        kept[name] = {"code": code, "row": row}
        KEPT.mkdir(parents=True, exist_ok=True)
        partial = KEPT / f"{self._name}.json.part"
        partial.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        partial.replace(KEPT / f"{self._name}.json")
        stored = BENCHMARKS / "results" / f"{self._name}.json"
        stored.write_text(json.dumps({"code": code, "cases": self._rows(code)}, indent=1) + "\n", encoding="utf-8")

    def _rows(self, code: str) -> dict[str, Row]:
        """Return the rows that were measured with this code, in the order of the cases."""
        kept = self._kept()
        return {name: kept[name]["row"] for name in self._cases
                if name in kept and kept[name]["code"] == code}

    def _kept(self) -> dict[str, Row]:
        path = KEPT / f"{self._name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def is_measured(row: Row | None) -> bool:
    """Return whether a case is done: not where it crashed or something was missing, which may be put right."""
    return row is not None and str(row.get("not_measured", _STOPPED)).startswith(_STOPPED)


def fingerprint(places: tuple[str, ...]) -> str:
    """Return a checksum of source files and folders of them, given from the repository's root."""
    digest = hashlib.sha256()
    for place in places:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(ROOT).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def command_line(*words: str) -> list[str]:
    """Return the arguments with which Python does what `heartseg` does."""
    return ["-c", "from HeartSegTrainingLib.cli import main; main()", *words]


def not_installed(package: str) -> str | None:
    """Return a sentence where a package is missing."""
    try:
        version(package)
    except PackageNotFoundError:
        return f"{package} is not installed"
    return None


def run_alone(arguments: list[str], time_limit_s: float) -> Row:
    """Run Python in its own process and return the JSON object that it prints, with its time and peak memory.

    Where there is none, "not_measured" says why: the time was up, it was killed, or the last line that it complained.
    """
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        start = time.perf_counter()
        child = subprocess.Popen([sys.executable, *arguments], stdout=said, stderr=complained, cwd=BENCHMARKS,
                                 start_new_session=True)
        late = threading.Event()
        timer = threading.Timer(time_limit_s, lambda: (late.set(), os.killpg(child.pid, signal.SIGKILL)))
        timer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
        code = child.returncode = os.waitstatus_to_exitcode(status)
        facts: Row = {"process_s": round(time.perf_counter() - start, 2),
                      "process_peak_gb": round(usage.ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6), 2)}
        if late.is_set():
            return {"not_measured": f"{_STOPPED} {time_limit_s:g} s", **facts}
        if code:
            return {"not_measured": f"{_how_it_ended(code)}: {_last_line(complained)}", **facts}
        said.seek(0)
        noise, brace, result = said.read().partition("{")
        if not brace:
            return {"not_measured": f"it printed no result: {noise.strip()[-300:]}", **facts}
        return {**json.loads(brace + result), **facts}


def _how_it_ended(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _last_line(stream: IO[str]) -> str:
    stream.seek(0)
    lines = [line.strip() for line in stream.read().splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
