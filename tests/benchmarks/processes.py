"""Processes: one started for each measurement, with all that it starts; Linux tells of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# How often it is looked what is resident.
_EVERY = 0.2
# Idle is who uses less than this share of a core for so many seconds.
_IDLE, _LOOKED = 0.1, 0.5
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Ended:
    """What a process printed, how long it ran, and the most that it and its own held at once."""

    printed: str
    seconds: float
    peak_mb: float


def run(command: Sequence[str], well: Container[int] = (0,)) -> Ended:
    """Runs a command to its end; one that does not end `well` ends the benchmark with its words."""
    started = time.perf_counter()
    peak = 0.0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            while True:
                try:
                    printed, said = process.communicate(timeout=_EVERY)
                    break
                except subprocess.TimeoutExpired:
                    peak = max(peak, resident(process.pid))
        except BaseException:
            # Ctrl-C does not reach a session of its own.
            os.killpg(process.pid, signal.SIGKILL)
            raise
        seconds = time.perf_counter() - started
    if process.returncode not in well:
        raise SystemExit(f"{' '.join(command)}\nended with code {process.returncode}:\n{said}")
    return Ended(printed, seconds, peak)


def own_peak() -> float:
    """The most megabytes that were resident in this process since it began."""
    told = Path("/proc/self/status").read_text("utf-8").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in told if line.startswith("VmHWM:")) / _MB


def resident(session: int) -> float:
    """Megabytes that are resident in the processes of a session; what they share counts twice."""
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(page * int(text.split()[1]) for text in _read(session, "statm")) / _MB


def proportional(session: int) -> float:
    """Megabytes of the processes of a session; what several share, also with others, is divided."""
    return (
        sum(
            int(line.split()[1]) * 1024
            for text in _read(session, "smaps_rollup")
            for line in text.splitlines()
            if line.startswith("Pss:")
        )
        / _MB
    )


def wait_until_idle(session: int) -> None:
    """Waits until the processes of a session have nothing to do, a minute at the most."""
    before, end = -1.0, time.monotonic() + 60
    while time.monotonic() < end:
        now = sum(_processor_seconds(text) for text in _read(session, "stat"))
        # A process that ended takes its seconds along.
        if 0 <= now - before <= _IDLE * _LOOKED:
            return
        before = now
        time.sleep(_LOOKED)


def _processor_seconds(stat: str) -> float:
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _read(session: int, name: str) -> Iterator[str]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # After the name of the program, which may hold anything: state, parent, group,
                # session.
                told = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                if int(told[3]) == session:
                    yield (folder / name).read_text("utf-8")
            except OSError:
                continue
