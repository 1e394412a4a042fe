"""What this machine is: processor, instruction set, cores, memory, accelerators."""

import os
import platform
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


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")
