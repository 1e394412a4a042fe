"""The NVIDIA devices of this machine, as their driver (NVML) measures them."""

from collections.abc import Callable
from typing import Any, TypeVar

import pynvml  # type: ignore[import-untyped]

from aiprod_server.monitoring.gpu import Gpu

T = TypeVar("T")


def devices() -> tuple[Gpu, ...]:
    """The devices as they are now; none where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return tuple(_read(index) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError:  # a device fell off its bus while it was asked
        return ()
    finally:
        pynvml.nvmlShutdown()


def _read(index: int) -> Gpu:
    device = pynvml.nvmlDeviceGetHandleByIndex(index)
    rates = _measured(pynvml.nvmlDeviceGetUtilizationRates, device)
    memory = _measured(pynvml.nvmlDeviceGetMemoryInfo, device)
    power_mw = _measured(pynvml.nvmlDeviceGetPowerUsage, device)
    return Gpu(
        index=index,
        name=pynvml.nvmlDeviceGetName(device),
        utilisation=None if rates is None else rates.gpu / 100,
        memory_used_bytes=None if memory is None else memory.used,
        memory_total_bytes=None if memory is None else memory.total,
        temperature_c=_measured(pynvml.nvmlDeviceGetTemperature, device, pynvml.NVML_TEMPERATURE_GPU),
        power_w=None if power_mw is None else power_mw / 1000,
        ecc_errors=_measured(
            pynvml.nvmlDeviceGetTotalEccErrors,
            device,
            pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            pynvml.NVML_VOLATILE_ECC,
        ),
    )


def _measured(ask: Callable[..., T], *arguments: Any) -> T | None:
    try:
        return ask(*arguments)
    except pynvml.NVMLError:  # this device does not measure it
        return None
