"""What a process has used: processor time and memory."""

import socket
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Measurement:
    """One pass over all items."""

    items: int
    passed: int
    seconds: float  # from the order to the end of the work, as the one who ordered sees it
    cpu_seconds: float  # of the process that does the work, and its children
    peak_mib: float  # the most memory it ever had resident
    inner_seconds: float | None = None  # the same work by the worker's own clock, if it tells
    model_server_cpu_seconds: float | None = None  # of the other end meanwhile, if it was looked at


def cpu_seconds(pid: int) -> float:
    """Give the CPU seconds that a process and its children have used, in user and kernel mode."""
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def peak_mib(pid: int) -> float:
    """Give the peak of a process' resident memory (VmHWM) in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
