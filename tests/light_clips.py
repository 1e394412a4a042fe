"""A child of a worker that draws clips instead of rendering them: real files, said and kept as real renders do it.

Run with the folder of the storage. A prompt with "refused" in it is; one with "slowly" takes its time.
"""

import hashlib
import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from aiprod_core.errors import InputError
from aiprod_server.storage import Storage
from aiprod_server.worker.child import Order, Say, serve

STEPS = 4
SLOWLY_S = 0.3
DEVICE_S = 0.5
PREVIEW = "data:image/jpeg;base64,/9j/4AAQ"


def handle(orders: Sequence[Order], say: Say) -> None:
    for order in orders:
        draw(order, say, Storage(Path(sys.argv[1])))


def draw(order: Order, say: Say, storage: Storage) -> None:
    request = order.request
    prompt = request.get("prompt") or "a storyboard"
    if "refused" in prompt:
        raise InputError(f"prompt: got {prompt!r}, expected something to draw; ask for something else")
    for done in range(STEPS):
        time.sleep(SLOWLY_S if "slowly" in prompt else 0.0)
        say.progress(order.job_id, "render", done + 1, STEPS, (done + 1) / STEPS)
        say.event(order.job_id, "preview", {"image": PREVIEW, "share": (done + 1) / STEPS})
    frames = pictures(request)
    files = {
        "video": keep(order, say, storage, "clip.mp4", "video/mp4", film(frames)),
        "thumbnail": keep(order, say, storage, "thumbnail.jpg", "image/jpeg", jpeg(frames[0])),
    }
    result = {"files": files, "seed": request.get("seed"), "num_frames": len(frames), "duration_s": len(frames) / 10}
    say.done(order.job_id, result | {"device_s": DEVICE_S}, DEVICE_S)


def pictures(request: Any) -> list[np.ndarray]:
    """Frames `[h w 3]` of the size that is asked for, or of a small one for a film."""
    size = (request.get("height", 64), request.get("width", 64), 3)
    noise = np.random.default_rng(request.get("seed", 0)).integers(0, 256, size, dtype=np.uint8)
    return [np.roll(noise, number, axis=1) for number in range(request.get("num_frames", 9))]


def film(frames: Sequence[np.ndarray]) -> bytes:
    written = io.BytesIO()
    with av.open(written, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = frames[0].shape[:2]
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        container.mux(stream.encode())
    return written.getvalue()


def jpeg(frame: np.ndarray) -> bytes:
    written = io.BytesIO()
    Image.fromarray(frame).save(written, "JPEG")
    return written.getvalue()


def keep(order: Order, say: Say, storage: Storage, name: str, media_type: str, content: bytes) -> dict[str, Any]:
    stored = storage.write(order.job_id, name, content, attempt=order.attempt)
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    say.step(order.job_id, name, stored.sha256, 0.1)
    return {"name": name, "sha256": stored.sha256, "size_bytes": stored.size_bytes, "media_type": media_type}


if __name__ == "__main__":
    serve(handle)
