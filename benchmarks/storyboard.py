"""What the scenarist keeps from shot to shot, and how soon a storyboard is read.

Every one of 48 stories, in English and French, asks for a style and a light: counted are the shot prompts that hold
both, that keep place, hour and weather of the telling, that begin in the form of captions, and that fit the nano model.
Prints a table and writes build/benchmarks/storyboard.json.
"""

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from aiprod_core.models.text_encoder import NANO, TextTokenizer
from aiprod_pipelines.film.scenarist import storyboard_of
from aiprod_pipelines.film.shot_prompt import shot_prompt
from aiprod_pipelines.film.storyboard_file import to_yaml
from aiprod_pipelines.sovereignty import provision

SUBJECTS = {
    "a red cat": (
        "A red cat walks {place}. It jumps, then it sleeps.",
        "Un chat rouge marche {place}. Il saute puis il dort.",
    ),
    "a blue bird": (
        "A blue bird flies {place} and sings. It waits.",
        "Un oiseau bleu vole {place} et chante. Il attend.",
    ),
}
PLACES = {
    "on a beach at dusk under a clear sky": ("on the beach at sunset", "sur la plage au coucher du soleil"),
    "in a forest at night in the rain": ("in the woods at night in the rain", "dans les bois la nuit sous la pluie"),
    "in a city by day in thick fog": ("in the city by day in the fog", "en ville le jour dans le brouillard"),
    "in snowy mountains by day in falling snow": ("in the mountains while it snows", "à la montagne sous la neige"),
}
LOOKS = {
    ("watercolor", "golden light"): (", watercolor, golden light", ", aquarelle, lumière dorée"),
    ("film noir", "soft light"): (", film noir, soft light", ", film noir, lumière douce"),
    ("flat illustration", "neon light"): (", flat illustration, neon light", ", illustration plate, lumière au néon"),
}
READ = """
import time
began = time.perf_counter()
from pathlib import Path
from aiprod_pipelines.film.storyboard_file import read_storyboard
imported = time.perf_counter()
read_storyboard(Path({path!r}))
print(imported - began, time.perf_counter() - imported)
"""
CONSOLE = Console(width=120)


def main() -> None:
    tokenizer = TextTokenizer((provision.locate() / "tokenizer.json").read_text(), NANO.longest)
    counts = dict.fromkeys(("style and light", "place, hour and weather", "the subject first", "64 tokens at most"), 0)
    shots, times_s = 0, []
    for (who, told), (where, places), (marks, looks) in itertools.product(
        SUBJECTS.items(), PLACES.items(), LOOKS.items()
    ):
        for text, place, look in zip(told, places, looks, strict=True):
            began = time.perf_counter()
            board = storyboard_of(text.format(place=place)[:-1] + look + ".")
            times_s.append(time.perf_counter() - began)
            for shot in board.shots:
                prompt = shot_prompt(board, shot)
                shots += 1
                counts["style and light"] += all(mark in prompt for mark in marks)
                counts["place, hour and weather"] += where in prompt
                counts["the subject first"] += prompt.startswith(who)
                counts["64 tokens at most"] += len(tokenizer.tokenizer.encode(prompt.lower()).ids) <= NANO.longest
    table = Table("of the prompts of all shots", "hold", title=f"{len(times_s)} stories, {shots} shots")
    for what, count in counts.items():
        table.add_row(what, f"{count} of {shots}")
    CONSOLE.print(table)
    import_s, read_s = _reading(to_yaml(storyboard_of("A cat walks, jumps and sleeps.")))
    CONSOLE.print(f"a story told in {1000 * statistics.median(times_s):.1f} ms (median)")
    CONSOLE.print(
        f"a ten-shot storyboard read in {1000 * read_s:.0f} ms, {1000 * import_s:.0f} ms of imports before it"
    )
    facts = {"shots": shots, **counts, "tell_s": statistics.median(times_s), "import_s": import_s, "read_s": read_s}
    path = Path("build/benchmarks/storyboard.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=2) + "\n")


def _reading(three_shots: str) -> tuple[float, float]:
    """Seconds of imports and of reading ten shots, each in a process of its own: medians of nine."""
    settings, shots, listed = three_shots.partition("shots:\n")
    items = ["  - id" + item for item in listed.split("  - id")[1:]]
    ten = [
        item.replace("id: ", f"id: s{number}-", 1)
        for number, item in enumerate(itertools.islice(itertools.cycle(items), 10))
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.yaml"
        path.write_text(settings + shots + "".join(ten))
        runs = [
            subprocess.run(
                [sys.executable, "-c", READ.format(path=str(path))], capture_output=True, text=True, check=True
            )
            for _ in range(9)
        ]
    found = [[float(word) for word in run.stdout.split()] for run in runs]
    return statistics.median(one[0] for one in found), statistics.median(one[1] for one in found)


if __name__ == "__main__":
    main()
