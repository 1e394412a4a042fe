"""The pictures of the guides, made again from the shipped weights: `.venv/bin/python docs/guides/pictures.py`.

Run it after new weights. Clips go into build/pictures, each with its receipt; the pictures go beside this file.
"""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aiprod_pipelines.contact_sheet import encode_contact_sheet
from aiprod_pipelines.media import read_clip
from aiprod_trainer.worlds.contact_sheet import contact_sheet

HERE = Path(__file__).parent
CLIPS = HERE.parents[1] / "build" / "pictures"
WALK = "a red cat walking to the right on a beach by day under a clear sky"
JUMP = "a red cat jumping on a beach by day under a clear sky"
ROBOT = "a red robot walking to the right on a beach by day under a clear sky"
NIGHT = "a red cat walking to the right on a beach at night under a clear sky"
FILM = "A red cat walks on a beach by day, then it jumps. At night a blue robot dances in the city."
SHOWN_PX = 128


def main() -> None:
    CLIPS.mkdir(parents=True, exist_ok=True)
    cat = generate("cat", WALK, "--seed", 1)
    beside = [
        generate("retake", JUMP, "--pipeline", "retake", "--source", cat, "--start", 1.0, "--end", 1.8),
        generate("extend", WALK, "--pipeline", "extend", "--source", cat, "--num-frames", 41),
        generate("for_its_sound", ROBOT, "--pipeline", "audio_to_video", "--source", cat),
        generate("new_sound", ROBOT, "--pipeline", "video_to_audio", "--source", CLIPS / "for_its_sound.mp4"),
    ]
    sheets = [Image.open(io.BytesIO(encode_contact_sheet(read_clip(clip)))) for clip in beside]
    together = Image.new("RGB", (sum(sheet.width for sheet in sheets), max(sheet.height for sheet in sheets)))
    for number, sheet in enumerate(sheets):
        together.paste(sheet, (number * sheet.width, 0))
    save(together, "generation.png")

    few = generate("distilled", WALK, "--pipeline", "distilled")
    large = generate("two_stages", WALK, "--pipeline", "ti2vid_two_stages")
    first, last = CLIPS / "first.png", CLIPS / "last.png"
    Image.fromarray(small(large)[0]).save(first)
    Image.fromarray(small(few)[-1]).save(last)
    given = ("--image", first, 0, 1, "--image", last, 24, 1)
    rows = {
        "distilled, 4 steps": few,
        "two stages, 256 px": large,
        "keyframes: first of row 2, last of row 1": generate(
            "keyframes", WALK, "--seed", 5, "--pipeline", "keyframe_interpolation", *given
        ),
        "--camera zoom-in:1": generate("zoom", WALK, "--camera", "zoom-in:1"),
        "ic_lora: row 2 as the source, at night": generate(
            "night", NIGHT, "--seed", 1, "--pipeline", "ic_lora", "--source", large
        ),
    }
    save(contact_sheet([small(clip) for clip in rows.values()], [*rows], columns=7), "pipelines.png")

    run("film", FILM, "-o", CLIPS / "film.mp4")
    save(Image.open(CLIPS / "film.contact.png"), "film.png")


def generate(name: str, prompt: str, *options: object) -> Path:
    """The clip of that name, rendered."""
    path = CLIPS / f"{name}.mp4"
    run("generate", prompt, *options, "--output-path", path)
    return path


def run(*arguments: object) -> None:
    """The command line, as a reader of the guides would call it."""
    subprocess.run([Path(sys.executable).with_name("aiprod"), *map(str, arguments)], check=True)


def small(clip: Path) -> NDArray[np.uint8]:
    """Its frames, `[t h w c]`, at the size that is shown."""
    frames = read_clip(clip).frames
    return np.stack([np.asarray(Image.fromarray(frame).resize((SHOWN_PX, SHOWN_PX))) for frame in frames])


def save(image: Image.Image, name: str) -> None:
    """Beside this file, in 256 colours: a third of the bytes."""
    image.convert("RGB").quantize(256).save(HERE / name, optimize=True)


if __name__ == "__main__":
    main()
