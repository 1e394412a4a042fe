import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiprod_core.errors import InputError, MediaError
from aiprod_core.types import GenerationConfig, ImageCondition
from aiprod_pipelines.proof.paper import film_path, receipt_path
from aiprod_pipelines.proof.receipt import (
    Cost,
    Model,
    Output,
    Place,
    Receipt,
    config_of,
    read_receipt,
    settings_of,
    this_code,
)


def _receipt(config: GenerationConfig, film: Path) -> Receipt:
    return Receipt(
        made_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        prompt=config.prompt,
        negative_prompt=config.negative_prompt,
        seed=config.seed,
        settings=settings_of(config, film),
        unknown_words=("dragon",),
        model=Model(name="nano", version="1", weights={"a.safetensors": "0" * 64}),
        code=this_code(),
        place=Place(device="cpu", precision="fp32", threads=2, isa="AVX2", processor="a processor", system="Linux"),
        output=Output(file=film.name, sha256="1" * 64, size_bytes=10, duration_s=2.5),
        timings_s={"denoise": 1.5},
        cost=Cost(compute_s=1.5, peak_memory_bytes=1, rate_eur_per_h=2.0, cost_eur=0.000833),
    )


def _config(tmp_path: Path) -> GenerationConfig:
    (tmp_path / "pictures").mkdir()
    picture = tmp_path / "pictures" / "cat.png"
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(picture)
    return GenerationConfig(
        prompt="a cat — with 'quotes' and ünïcode",
        negative_prompt="rain",
        seed=2**62,
        guidance_scale=3.7,
        frame_rate=29.97,
        images=(ImageCondition(path=picture, frame=3, strength=0.25),),
    )


def test_a_request_comes_back_from_its_receipt(tmp_path: Path) -> None:
    config = _config(tmp_path)
    film = tmp_path / "out.mp4"
    receipt_path(film).write_bytes(_receipt(config, film).to_json())
    receipt = read_receipt(receipt_path(film))
    assert receipt == _receipt(config, film)
    again = config_of(receipt, tmp_path)
    assert again == config


def test_names_go_both_ways() -> None:
    film = Path("folder/out.mp4")
    assert receipt_path(film) == Path("folder/out.mp4.receipt.json")
    assert film_path(receipt_path(film)) == film


def test_a_carried_folder_still_replays(tmp_path: Path) -> None:
    config = _config(tmp_path)
    receipt = _receipt(config, tmp_path / "out.mp4")
    carried = tmp_path / "carried"
    (carried / "pictures").mkdir(parents=True)
    (tmp_path / "pictures" / "cat.png").rename(carried / "pictures" / "cat.png")
    assert config_of(receipt, carried).images[0].path == carried / "pictures/cat.png"


def test_a_receipt_tells_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIPROD_API_KEY", "sk-very-secret-value")
    text = _receipt(_config(tmp_path), tmp_path / "out.mp4").to_json().decode()
    assert "sk-very-secret-value" not in text
    assert str(tmp_path) not in text
    assert str(Path.home()) not in json.loads(text)["code"].values()


def test_another_picture_is_refused(tmp_path: Path) -> None:
    config = _config(tmp_path)
    receipt = _receipt(config, tmp_path / "out.mp4")
    Image.fromarray(np.full((4, 4, 3), 9, np.uint8)).save(config.images[0].path)
    with pytest.raises(InputError, match=r"cat\.png: got another file"):
        config_of(receipt, tmp_path)
    config.images[0].path.unlink()
    with pytest.raises(MediaError, match=r"cat\.png: cannot read"):
        config_of(receipt, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "aiprod.receipt/9"}, "schema"),
        ({"seed": "seven"}, "seed"),
        ({"output": {"file": "x", "sha256": "zz", "size_bytes": 1, "duration_s": 1}}, r"output\.sha256"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, object], said: str, tmp_path: Path) -> None:
    film = tmp_path / "out.mp4"
    content = json.loads(_receipt(GenerationConfig(prompt="a cat"), film).to_json()) | change
    receipt_path(film).write_text(json.dumps(content))
    with pytest.raises(InputError, match=said) as refusal:
        read_receipt(receipt_path(film))
    assert "\n" not in str(refusal.value)


def test_what_is_no_receipt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="another name"):
        read_receipt(tmp_path / "film.mp4")
    with pytest.raises(InputError, match="cannot read it"):
        read_receipt(tmp_path / "film.mp4.receipt.json")
    (tmp_path / "film.mp4.receipt.json").write_text("not json")
    with pytest.raises(InputError, match="file is wrong"):
        read_receipt(tmp_path / "film.mp4.receipt.json")


def test_the_code_names_what_renders() -> None:
    code = this_code()
    assert len(code.source_sha256) == 64
    assert {"torch", "numpy", "av"} <= code.libraries.keys()
