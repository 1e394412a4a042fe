"""What this machine is: processor, instruction set, cores, memory, accelerators."""

import os
import platform
import resource
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Facts that decide whether two renders can agree to the bit, and what fits.

    `isa`: widest vector instructions PyTorch uses here. `cores`: those this process may use.
    """

    system: str
    processor: str
    isa: str
    cores: int
    memory_bytes: int
    accelerators: tuple[str, ...]


def this_machine() -> Machine:
    """Look at the machine this process runs on."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        isa=torch.backends.cpu.get_cpu_capability(),
        cores=usable_cores(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        accelerators=tuple(torch.cuda.get_device_name(index) for index in range(count)),
    )


def usable_cores() -> int:
    """Cores this process may run on; fewer than the machine has where it is confined to some."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory_bytes(device: str = "cpu") -> int:
    """Memory that a process could still take: what the system has free, or what its group is allowed; or a device's."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = [this_machine().memory_bytes, *_kibibytes(Path("/proc/meminfo"), "MemAvailable")]
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdecimal():
        free.append(int(limit.read_text()) - int(used.read_text()))
    return min(free)


class PeakMemory:
    """The most memory that this process held, or that it had on a device, between one question and the next.

    Where the system cannot forget a peak (all but Linux), the most since the process began.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._on_device = torch.device(device).type == "cuda"
        self.since_last_asked_bytes()

    def since_last_asked_bytes(self) -> int:
        if self._on_device:
            peak = torch.cuda.max_memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            return peak
        peaks = _kibibytes(Path("/proc/self/status"), "VmHWM")
        forget = Path("/proc/self/clear_refs")
        if forget.exists():
            forget.write_text("5")
        return peaks[0] if peaks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _kibibytes(facts: Path, name: str) -> list[int]:
    """The size in bytes that a file of /proc gives under `name`; none where it gives none."""
    lines = facts.read_text().splitlines() if facts.is_file() else []
    return [int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")]


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")
