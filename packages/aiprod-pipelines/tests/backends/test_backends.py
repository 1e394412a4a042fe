import subprocess
import sys
from pathlib import Path

import pytest

from aiprod_core.errors import WeightsError
from aiprod_pipelines.backends import Backend, locate


def test_a_prefix_says_whose_weights_are_meant(family: Path, tmp_path: Path) -> None:
    assert locate(str(family)) == (Backend.SOVEREIGN, family)
    assert locate(f"ltx2:{tmp_path}") == (Backend.LTX2, tmp_path.resolve())


@pytest.mark.parametrize("model", ["ltx2:", "ltx2:/no/such/folder"])
def test_a_path_to_nothing(model: str) -> None:
    with pytest.raises(WeightsError, match="expected LTX-2 weights"):
        locate(model)


def test_nothing_of_diffusers_is_imported_before_it_is_needed() -> None:
    script = "import sys, aiprod_pipelines.commands.generate; print({'diffusers', 'transformers'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
