"""What a child does with its orders: clips together, films one by one, without a way to the network."""

import os
from collections.abc import Sequence
from functools import cache

from aiprod_pipelines.sovereignty.offline import forbid_network
from aiprod_server import settings
from aiprod_server.orchestration import config
from aiprod_server.worker.child import Order, Say
from aiprod_server.worker.clip import render_clips
from aiprod_server.worker.context import Context
from aiprod_server.worker.film import render_film


def prepare() -> None:
    """Read the settings, and join the cluster where they name one. Raises `InputError` for what cannot be done."""
    _context()


def handle(orders: Sequence[Order], say: Say) -> None:
    """Carry out `orders` by the settings of the environment, on the device that AIPROD_DEVICE names."""
    carry_out(orders, _context(), say)


def carry_out(orders: Sequence[Order], context: Context, say: Say) -> None:
    """Carry out `orders`; each is ended, well or badly, when this returns."""
    short = context.room_is_short()
    if short is not None:
        for order in orders:
            say.failed(order.job_id, short, again=True)
        return
    with forbid_network():
        clips = [order for order in orders if order.request["kind"] == "clip"]
        if clips:
            render_clips(clips, context, say)
        for order in orders:
            if order.request["kind"] == "film":
                render_film(order, context, say)


@cache
def _context() -> Context:
    read = settings.read()
    return Context.of(read, config.load(read.config), os.environ.get("AIPROD_DEVICE", "cpu"))
