"""What the system says of this machine: cores, memory, processor. Knows no accelerator, and asks nothing heavy."""

import os
import platform
from pathlib import Path


def usable_cores() -> int:
    """Cores this process may run on; fewer than the machine has where it is confined to some."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    """All the memory that the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_memory_bytes() -> int:
    """Memory that a process could still take: what the system has free, or what its group is allowed."""
    free = [memory_bytes(), *kibibytes(Path("/proc/meminfo"), "MemAvailable")]
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdecimal():
        free.append(int(limit.read_text()) - int(used.read_text()))
    return min(free)


def kibibytes(facts: Path, name: str) -> list[int]:
    """The size in bytes that a file of /proc gives under `name`; none where it gives none."""
    lines = facts.read_text().splitlines() if facts.is_file() else []
    return [int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")]


def processor() -> str:
    """Its name."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")
