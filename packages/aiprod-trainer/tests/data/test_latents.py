"""Latents are made once, resumed where they stopped, and refused where they belong to something else."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aiprod_core.checkpoint import weights_digest
from aiprod_core.edges import edges
from aiprod_core.errors import InputError
from aiprod_core.models.hwvae import HWVAE
from aiprod_core.models.nac import NAC
from aiprod_trainer.data.latents import LatentsDescription, LatentSet, make_latents, relit
from aiprod_trainer.worlds.pixels import scene_video
from aiprod_trainer.worlds.render import subject_mask
from aiprod_trainer.worlds.scene import sample_scene

FRAMES, SIZE_PX, SHARD = 5, 32, 2


def _about(video: HWVAE, audio: NAC | None = None, **changes: int) -> LatentsDescription:
    about = LatentsDescription(
        level=1,
        frames=FRAMES,
        size_px=SIZE_PX,
        shard=SHARD,
        video_codec=weights_digest(video),
        audio_codec=weights_digest(audio) if audio is not None else None,
    )
    return replace(about, **changes)  # type: ignore[arg-type]


def _made(folder: Path, count: int, video: HWVAE, audio: NAC | None = None, **changes: int) -> list[int]:
    told: list[int] = []
    make_latents(folder, count, _about(video, audio, **changes), video, audio, told.append)
    return told


def test_rows_are_the_codecs_latents_of_the_scenes(tmp_path: Path, video_codec: HWVAE, audio_codec: NAC) -> None:
    assert _made(tmp_path, 4, video_codec, audio_codec) == [2, 4]
    latents = LatentSet(tmp_path)
    assert len(latents) == 4
    assert latents.video.shape == (4, 8, 2, 4, 4)
    assert latents.subject.shape == (4, 2, 4, 4)
    assert latents.subject.dtype == torch.uint8
    assert latents.audio is not None
    assert latents.audio.shape == (4, 8, 63)  # 2.5 s at 25 Hz
    clip = scene_video(sample_scene(3, level=1), size_px=SIZE_PX, frames=range(FRAMES))
    with torch.inference_mode():
        torch.testing.assert_close(latents.video[3], video_codec.encode(clip[None])[0].half())
    assert latents.about == _about(video_codec, audio_codec)


def test_the_subject_share_is_where_the_hero_is(tmp_path: Path, video_codec: HWVAE) -> None:
    _made(tmp_path, 2, video_codec)
    subject = LatentSet(tmp_path).subject.float() / 255
    for row in range(2):
        for latent_frame, frame in enumerate((0, 3)):  # the middle of pixel frames 1 … 4
            mask = subject_mask(sample_scene(row, level=1), frame, width=SIZE_PX, height=SIZE_PX)
            covered = torch.from_numpy(mask).float()
            assert subject[row, latent_frame].mean().item() == pytest.approx(covered.mean().item(), abs=0.03)
    assert 0.02 < subject.mean() < 0.6


def test_what_is_there_is_kept_and_more_is_added(tmp_path: Path, video_codec: HWVAE) -> None:
    _made(tmp_path, 2, video_codec)
    first = tmp_path / "clips-00000000.safetensors"
    written = first.stat().st_mtime_ns
    assert _made(tmp_path, 4, video_codec) == [2, 4]
    assert first.stat().st_mtime_ns == written
    whole = tmp_path / "whole"
    _made(whole, 4, video_codec)
    assert torch.equal(LatentSet(tmp_path).video, LatentSet(whole).video)
    assert (whole / first.name).read_bytes() == first.read_bytes()


def test_an_interrupted_shard_is_made_again(tmp_path: Path, video_codec: HWVAE) -> None:
    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_latents(tmp_path, 4, _about(video_codec), video_codec, None, interrupt)
    (tmp_path / "clips-00000002.tmp").write_bytes(b"half of a shard")
    _made(tmp_path, 4, video_codec)
    assert len(LatentSet(tmp_path)) == 4
    assert not list(tmp_path.glob("*.tmp"))


def test_sound_can_come_later_and_pictures_stay(tmp_path: Path, video_codec: HWVAE, audio_codec: NAC) -> None:
    _made(tmp_path, 2, video_codec)
    assert LatentSet(tmp_path).audio is None
    written = (tmp_path / "clips-00000000.safetensors").stat().st_mtime_ns
    _made(tmp_path, 2, video_codec, audio_codec)
    assert LatentSet(tmp_path).audio is not None
    assert (tmp_path / "clips-00000000.safetensors").stat().st_mtime_ns == written


@pytest.mark.parametrize("changes", [{"level": 2}, {"frames": 1}, {"size_px": 64}, {"shard": 4}, {"world": 99}])
def test_a_set_of_another_world_or_shape_is_refused(
    tmp_path: Path, video_codec: HWVAE, changes: dict[str, int]
) -> None:
    _made(tmp_path, 2, video_codec)
    with pytest.raises(InputError, match=r"holds latents of other codecs or shapes; choose another folder"):
        _made(tmp_path, 2, video_codec, **changes)


def test_a_set_of_another_codec_is_refused(tmp_path: Path, video_codec: HWVAE, audio_codec: NAC) -> None:
    _made(tmp_path, 2, video_codec, audio_codec)
    torch.manual_seed(5)
    with pytest.raises(InputError, match="other codecs"):
        _made(tmp_path, 2, HWVAE(video_codec.config).eval(), audio_codec)
    with pytest.raises(InputError, match="other codecs"):
        _made(tmp_path, 2, video_codec, NAC(audio_codec.config).eval())


def test_a_folder_without_latents_says_how_to_make_them(tmp_path: Path, video_codec: HWVAE) -> None:
    with pytest.raises(InputError, match=r"got no latents\.json in .*'aiprod data latents'"):
        LatentSet(tmp_path)
    _made(tmp_path, 2, video_codec)
    assert len(LatentSet(tmp_path, clips=1)) == 1
    with pytest.raises(InputError, match=r"got 2 clips in .*, expected 3; make more"):
        LatentSet(tmp_path, clips=3)


def test_views_are_of_the_same_scenes(tmp_path: Path, video_codec: HWVAE) -> None:
    scene = sample_scene(1, level=1)
    other = relit(scene)
    assert replace(other, time=scene.time) == scene
    assert other.time != scene.time
    assert relit(scene) == other
    shown = {
        "edges": edges(scene_video(scene, size_px=SIZE_PX, frames=range(FRAMES))),
        "relit": scene_video(other, size_px=SIZE_PX, frames=range(FRAMES)),
    }
    for view, clip in shown.items():
        about = replace(_about(video_codec), view=view)
        make_latents(tmp_path / view, SHARD, about, video_codec, None, lambda done: None)
        expected = video_codec.encode(clip[None])[0]
        torch.testing.assert_close(LatentSet(tmp_path / view).video[1].float(), expected, atol=1e-2, rtol=1e-2)
