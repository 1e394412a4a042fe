"""What this machine is: processor, instruction set, cores, memory, accelerators."""

import platform
import resource
from dataclasses import dataclass
from pathlib import Path

import torch

from aiprod_core.errors import InputError
from aiprod_pipelines.host import free_memory_bytes, kibibytes, memory_bytes, processor, usable_cores


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
        processor=processor(),
        isa=torch.backends.cpu.get_cpu_capability(),
        cores=usable_cores(),
        memory_bytes=memory_bytes(),
        accelerators=tuple(torch.cuda.get_device_name(index) for index in range(count)),
    )


def check_device(device: str) -> None:
    """Raise `InputError` for a device that is not here: `cpu`, `cuda` (the first accelerator), `cuda:0`, `cuda:1`, …"""
    count = torch.cuda.device_count()
    found = ["cpu", *(["cuda"] if count else []), *(f"cuda:{index}" for index in range(count))]
    if device not in found:
        raise InputError(f"device: got {device}, expected one that is here: {', '.join(found)}; choose one of those")


def available_memory_bytes(device: str = "cpu") -> int:
    """Memory that a process could still take, of the system or of a device."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return free_memory_bytes()


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
        peaks = kibibytes(Path("/proc/self/status"), "VmHWM")
        forget = Path("/proc/self/clear_refs")
        if forget.exists():
            forget.write_text("5")
        return peaks[0] if peaks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
