import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from told import Told

from aiprod_core.types import GenerationConfig
from aiprod_pipelines.calibrated import Weights
from aiprod_pipelines.calibration import Calibrations
from aiprod_pipelines.proof.receipt import Receipt
from aiprod_pipelines.quality.finding import Code
from aiprod_pipelines.rendering import Setup, render
from aiprod_pipelines.sovereignty import provision
from aiprod_pipelines.workload import Shapes, workload
from aiprod_server.storage import Storage
from aiprod_server.worker import clip as clips
from aiprod_server.worker.carried import nth_seed
from aiprod_server.worker.child import Order
from aiprod_server.worker.clip import Clip, render_clips
from aiprod_server.worker.context import Context

MakeOrder = Callable[..., Order]
MakeContext = Callable[..., Context]


def stored(context: Context, order: Order, name: str) -> bytes:
    return context.storage.job_file(order.job_id, name).read_bytes()


def test_a_clip_is_that_of_the_generate_command(
    context_with: MakeContext, order: MakeOrder, told: Told, models_root: Path, tmp_path: Path
) -> None:
    context, one = context_with(render_executor={"preview_every_steps": 1}), order()
    render_clips([one], context, told)
    result = told.result(one.job_id)
    names = ("prompt", "seed", "width", "height", "num_frames", "frame_rate", "num_inference_steps", "guidance_scale")
    alone = render(
        GenerationConfig(**{name: one.request[name] for name in names}),
        Setup(models_dir=models_root / "tiny"),
        tmp_path / "out.mp4",
        on_progress=lambda stage, done, total: None,
    )
    assert stored(context, one, "clip.mp4") == alone.mp4
    assert {role: facts["name"] for role, facts in result["files"].items()} == {
        "video": "clip.mp4",
        "receipt": "receipt.json",
        "qa": "qa.json",
        "thumbnail": "thumbnail.jpg",
    }
    for facts in result["files"].values():
        assert context.storage.verified(one.job_id, facts["name"], facts["sha256"])
        assert facts["size_bytes"] == len(stored(context, one, facts["name"]))
    asked = ("seed", "num_frames", "frame_rate", "width", "height")
    assert {name: result[name] for name in asked} == {name: one.request[name] for name in asked}
    assert (result["duration_s"], result["verdict"], result["qa"]["passed"]) == (0.9, "approved", True)
    receipt = Receipt.model_validate_json(stored(context, one, "receipt.json"))
    assert receipt.output.sha256 == result["files"]["video"]["sha256"]
    assert 0 < result["device_s"] <= sum(receipt.timings_s.values())
    qa = json.loads(stored(context, one, "qa.json"))
    assert qa["technical"]["facts"]["frames"] == 9
    assert qa["semantic"]["clip"]["not_judged"] == "these weights come without judge.safetensors"
    with Image.open(context.storage.job_file(one.job_id, "thumbnail.jpg")) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (32, 32))


def test_those_who_watch_see_states_steps_progress_and_pictures(
    context_with: MakeContext, order: MakeOrder, told: Told
) -> None:
    context, one = context_with(render_executor={"preview_every_steps": 1}), order()
    render_clips([one], context, told)
    assert told.states(one.job_id) == [
        "INIT", "ANALYSIS", "VISUAL_TRANSLATION", "RENDER_EXECUTION", "QA_TECHNICAL", "QA_SEMANTIC", "SUPERVISION",
        "DELIVERED",
    ]  # fmt: skip
    assert [*told.steps(one.job_id)] == ["render", "check", "thumbnail"]
    shares = [progress["share"] for progress in told.of(one.job_id, "progress")]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 0.98)
    previews = told.events(one.job_id, "preview")
    assert len(previews) == 2
    assert all(shown["image"].startswith("data:image/jpeg;base64,") for shown in previews)
    assert previews[-1]["share"] == 0.9


def test_no_pictures_are_shown_where_the_operator_wants_none(
    context_with: MakeContext, order: MakeOrder, told: Told
) -> None:
    render_clips([order()], context_with(render_executor={"preview_every_steps": 0}), told)
    assert told.events(order().job_id, "preview") == []
    assert told.result(order().job_id)


def test_alike_clips_are_rendered_together_and_a_bad_one_fails_alone(
    context_with: MakeContext, order: MakeOrder, told: Told
) -> None:
    context = context_with()
    orders = [
        order(1),
        order(2, seed=8, prompt="A blue bird flies over a meadow."),
        order(3, prompt="a\0cat"),
        order(4, num_frames=5),
        order(5, prompt="cat " * 120),  # more than the text encoder reads: known when the batch is rendered
        order(6, model="no-such-model"),
    ]
    render_clips(orders, context, told)
    batches = [Receipt.model_validate_json(stored(context, one, "receipt.json")).place.batch for one in orders[:2]]
    assert batches == [1, 1], "the batch broke on the fifth, and each had a try alone"
    assert told.result(orders[3].job_id)["num_frames"] == 5
    assert told.result(orders[0].job_id)["files"]["video"] != told.result(orders[1].job_id)["files"]["video"]
    assert "control character U+0000" in told.failure(orders[2].job_id)
    assert told.failure(orders[4].job_id).startswith("prompt: got")
    assert "no-such-model" in told.failure(orders[5].job_id)
    assert all(told.of(one.job_id, "again") == [False] for one in (orders[2], orders[4], orders[5]))


def test_two_alike_share_their_seconds(context_with: MakeContext, order: MakeOrder, told: Told) -> None:
    context, orders = context_with(), [order(1), order(2, seed=8)]
    render_clips(orders, context, told)
    receipts = [Receipt.model_validate_json(stored(context, one, "receipt.json")) for one in orders]
    assert [receipt.place.batch for receipt in receipts] == [2, 2]
    assert receipts[0].timings_s == receipts[1].timings_s
    assert [receipt.seed for receipt in receipts] == [7, 8]


@pytest.mark.parametrize(("bytes_a_unit", "batches"), [(1.0, [2, 2]), (1e12, [1, 1])])
def test_a_batch_is_as_large_as_the_estimate_allows(
    context_with: MakeContext,
    order: MakeOrder,
    told: Told,
    tmp_path: Path,
    bytes_a_unit: float,
    batches: list[int],
) -> None:
    context, orders = context_with(), [order(1), order(2, seed=8)]
    context.calibrations = tmp_path / "calibrations"
    clip = Clip(order(3), context, told)
    clip.work()
    measured = {
        name: Weights(seconds=(0.0,) * len(load.time), bytes=(bytes_a_unit,) * len(load.memory))
        for name, load in workload(clip.config, clip.setup, Shapes.of(clip.setup.models_dir)).items()
    }
    Calibrations(context.calibrations).keep(clip.setup, measured)
    render_clips(orders, context, told)
    receipts = [Receipt.model_validate_json(stored(context, one, "receipt.json")) for one in orders]
    assert [receipt.place.batch for receipt in receipts] == batches


def test_a_later_attempt_goes_on_from_what_is_there(
    context_with: MakeContext, order: MakeOrder, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_with()
    render_clips([order()], context, told)
    first, steps = told.result(order().job_id), told.steps(order().job_id)
    rendered: list[Any] = []
    monkeypatch.setattr(clips, "render_batch", lambda *args, **more: rendered.append(args))
    again = Told()
    render_clips([order(attempt=2, steps=steps)], context, again)
    assert again.result(order().job_id) == first
    assert again.steps(order().job_id) == {}
    assert rendered == []


@pytest.mark.parametrize("damage", ["clip.mp4", "receipt.json"])
def test_what_is_not_whole_is_made_anew(context_with: MakeContext, order: MakeOrder, told: Told, damage: str) -> None:
    context = context_with()
    render_clips([order()], context, told)
    steps = told.steps(order().job_id)
    context.storage.job_file(order().job_id, damage).write_bytes(b"{}")
    again = Told()
    render_clips([order(attempt=2, steps=steps)], context, again)
    assert again.steps(order().job_id)["render"] == steps["render"]
    assert again.result(order().job_id)["files"]["video"]["sha256"] == steps["render"]


def test_models_stay_warm_until_their_files_change(
    context_with: MakeContext, order: MakeOrder, models_root: Path
) -> None:
    context = context_with(render_executor={"warm_pipelines": 1})
    setup = context.setup("tiny", "standard")
    loaded = context.loaded(setup)
    assert context.loaded(setup) is loaded
    path = models_root / "tiny" / provision.MANIFEST
    path.touch()
    fresh = context.loaded(setup)
    assert fresh is not loaded
    context.loaded(context.setup("tiny", "eco"))
    assert context.loaded(setup) is not fresh, "only one pipeline is kept"


def test_damaged_weights_end_the_job(
    context_with: MakeContext, order: MakeOrder, told: Told, tmp_path: Path, models_root: Path
) -> None:
    for path in (models_root / "tiny").iterdir():
        (tmp_path / "broken").mkdir(exist_ok=True)
        (tmp_path / "broken" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "broken" / "hwvae.safetensors").write_bytes(b"damaged")
    context = context_with()
    context.models_root = str(tmp_path)
    render_clips([order(model="broken")], context, told)
    assert "the file is damaged" in told.failure(order().job_id)
    assert told.of(order().job_id, "again") == [False]


def test_a_tier_is_rendered_as_the_file_says(context_with: MakeContext, order: MakeOrder, told: Told) -> None:
    context = context_with()
    render_clips(
        [order(1, tier="eco", guidance_scale=1.0), order(2, tier="premium", width=64, height=64)], context, told
    )
    pipelines = [
        Receipt.model_validate_json(stored(context, order(number), "receipt.json")).pipeline for number in (1, 2)
    ]
    assert pipelines == ["distilled", "ti2vid_two_stages"]
    steps = order(3, tier="eco", num_inference_steps=9)
    render_clips([steps], context, told)
    assert told.failure(steps.job_id) == "num_inference_steps: got 9, expected at most 8 in the tier eco"


def test_pictures_of_the_client_are_pinned_and_those_of_others_are_not(
    context_with: MakeContext, order: MakeOrder, told: Told, tmp_path: Path
) -> None:
    context = context_with()
    Image.fromarray(np.full((32, 32, 3), 120, np.uint8)).save(tmp_path / "grey.png")
    content = (tmp_path / "grey.png").read_bytes()
    sha256 = context.storage.keep_input(content, client="ann", suffix=".png")
    other = context.storage.keep_input(content + b" ", client="bob", suffix=".png")
    pinned = [order(1, images=[{"sha256": sha256, "frame": 0, "strength": 1.0}])]
    render_clips([*pinned, order(2, images=[{"sha256": other, "frame": 0, "strength": 1.0}])], context, told)
    receipt = Receipt.model_validate_json(stored(context, pinned[0], "receipt.json"))
    assert [image.sha256 for image in receipt.settings.images] == [sha256]
    assert "got no such file of this client" in told.failure(order(2).job_id)


def test_camera_moves(context_with: MakeContext, order: MakeOrder, told: Told) -> None:
    context, one = context_with(), order(camera=["zoom-in", 0.5])
    render_clips([one], context, told)
    receipt = Receipt.model_validate_json(stored(context, one, "receipt.json"))
    assert receipt.settings.camera is not None
    assert (receipt.settings.camera.name, receipt.settings.camera.strength) == ("zoom-in", 0.5)
    assert "steer" in {progress["stage"] for progress in told.of(one.job_id, "progress")}


def blocked_by_size(context_with: MakeContext, **blocks: Any) -> Context:
    """A context in which every clip is refused: 32 px is small, which is only a warning unless it is named."""
    return context_with(technical_qa_gate={"blocking": (Code.SMALL,)}, **blocks)


def test_what_is_blocked_is_made_again_with_another_seed_or_refused(
    context_with: MakeContext, order: MakeOrder, told: Told
) -> None:
    context = blocked_by_size(context_with, supervisor={"max_retries": 2})
    ours, theirs = order(1, seed_given=False), order(2)
    render_clips([ours, theirs], context, told)
    assert told.states(ours.job_id).count("RENDER_EXECUTION") == 3
    assert told.states(theirs.job_id).count("RENDER_EXECUTION") == 1
    assert told.states(ours.job_id)[-1] == "REJECTED"
    assert told.failure(ours.job_id) == (
        "technical QA: got small picture: 32×32 px is small. Expected none; try another seed"
    )
    assert len(set(told.of(ours.job_id, "sha256"))) == 3
    assert Receipt.model_validate_json(stored(context, ours, "receipt.json")).seed == nth_seed(7, 2)


def test_the_gate_can_be_turned_off(context_with: MakeContext, order: MakeOrder, told: Told) -> None:
    context = context_with(technical_qa_gate={"enabled": False, "blocking": (Code.SMALL,)})
    render_clips([order()], context, told)
    assert told.result(order().job_id)["verdict"] == "approved"
    assert json.loads(stored(context, order(), "qa.json"))["technical"] is None


def test_a_director_writes_where_the_fast_track_is_closed(
    context_with: MakeContext, order: MakeOrder, told: Told
) -> None:
    context = context_with(fast_track_agent={"enabled": False}, visual_translator={"clip_camera": "static"})
    render_clips([order(prompt="A red cat walks on a beach, then it jumps.")], context, told)
    assert "CREATIVE_DIRECTION" in told.states(order().job_id)
    prompt = Receipt.model_validate_json(stored(context, order(), "receipt.json")).prompt
    assert prompt.startswith("a red cat walking")
    assert prompt.endswith(", static camera")


def test_circles_end_as_an_error(context_with: MakeContext, order: MakeOrder, told: Told) -> None:
    render_clips([order()], context_with(orchestrator={"max_transitions": 3}), told)
    assert "orchestrator.maxTransitions: got more than 3" in told.failure(order().job_id)


def test_a_full_disk_is_tried_again_later(
    context_with: MakeContext, order: MakeOrder, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Storage, *args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    context = context_with()
    monkeypatch.setattr(Storage, "write", full)
    render_clips([order()], context, told)
    assert told.failure(order().job_id) == "the machine says: No space left on device"
    assert told.of(order().job_id, "again") == [True]
