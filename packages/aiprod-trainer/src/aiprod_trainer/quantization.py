"""A folder of weights in eight bits: the transformer and the text encoder quantised, everything else as it was.

Run it as `python -m aiprod_trainer.quantization --input FOLDER --output FOLDER --format fp8_e4m3`.
"""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from aiprod_core.checkpoint import Lineage, read_header, save_checkpoint
from aiprod_core.errors import InputError
from aiprod_core.family import SHDT_FILE, TEXT_FILE, load_model
from aiprod_core.models.shdt import SHDT
from aiprod_core.models.text_encoder import TextEncoder
from aiprod_core.quantize import WeightFormat, quantize
from aiprod_trainer.release import CHECKSUMS, MANIFEST, as_shipped, seal

MODELS: dict[str, type[SHDT | TextEncoder]] = {SHDT_FILE: SHDT, TEXT_FILE: TextEncoder}

app = typer.Typer(add_completion=False)


def quantize_release(weights: Path, output: Path, stored_as: WeightFormat) -> tuple[int, int]:
    """Write `weights` to `output` in eight bits; returns the bytes of the quantised files before and after.

    Raises `InputError` where `output` is there already, `WeightsError` for weights that are missing or damaged.
    """
    if output.exists():
        raise InputError(f"output: got {output}, which is there already; name a new folder")
    before = after = 0
    partial = output.with_name(output.name + ".tmp")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(weights, partial, ignore=shutil.ignore_patterns(MANIFEST, CHECKSUMS, *MODELS))
    for name, kind in MODELS.items():
        header, model = read_header(weights / name), load_model(kind, weights / name)
        quantize(model, stored_as)
        tensors = {key: as_shipped(key, tensor) for key, tensor in model.state_dict().items()}
        lineage = json.loads(header["lineage"])
        lineage["trained_on"] = tuple(lineage["trained_on"])
        save_checkpoint(partial / name, header["model"], model.config, tensors, Lineage(**lineage))
        before, after = before + (weights / name).stat().st_size, after + (partial / name).stat().st_size
    seal(partial)
    partial.replace(output)
    return before, after


@app.command(epilog="Example: aiprod train quantize --input models/aiprod-sovereign --output small --format int8")
def main(
    weights: Annotated[Path, typer.Option("--input", help="Folder of weights to read.")],
    output: Annotated[Path, typer.Option("--output", help="Folder to write; it must not be there.")],
    stored_as: Annotated[WeightFormat, typer.Option("--format", help="How weights are stored.")] = WeightFormat.INT8,
) -> None:
    """Write a folder of weights with the transformer and the text encoder in eight bits."""
    before, after = quantize_release(weights, output, stored_as)
    typer.echo(f"{output}: {before / 1e6:.1f} MB of transformer and text encoder became {after / 1e6:.1f} MB")


if __name__ == "__main__":
    app()
