import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from aiprod_core.errors import InputError
from aiprod_pipelines.film.local_scenarist import Messages, ask, load, local_storyboard_of, read_answer, task
from aiprod_pipelines.film.scenarist import Wishes

GOOD = {
    "title": "The cat",
    "music": "calm",
    "characters": {"Mia": "a red cat"},
    "shots": [
        {"id": "walk", "prompt": "Mia walking on a beach by day", "duration": 3, "camera": "static"},
        {
            "prompt": "Mia sleeping",
            "duration": "2.5 s",
            "dialogue": [{"who": "Mia", "line": "Good night.", "tone": "soft"}],
        },
    ],
}


def a_model_that_says(*answers: str) -> tuple[list[Messages], "Script"]:
    asked: list[Messages] = []
    return asked, Script(answers, asked)


class Script:
    """Answers that were written down; what it was asked is kept."""

    def __init__(self, answers: Sequence[str], asked: list[Messages]) -> None:
        self._answers = iter(answers)
        self._asked = asked

    def __call__(self, messages: Messages) -> str:
        self._asked.append(messages)
        return next(self._answers)


def test_a_good_answer_is_a_storyboard() -> None:
    board = read_answer(f"Of course!\n```json\n{json.dumps(GOOD)}\n```", Wishes(seed=7, duration_s=11.0))
    assert board.title is not None
    assert (board.title.text, board.seed, board.characters) == ("The cat", 7, {"Mia": "a red cat"})
    assert [(shot.id, shot.duration_s) for shot in board.shots] == [("walk", 6.0), ("shot2", 5.0)]
    assert board.shots[1].dialogue[0].line == "Good night."
    assert board.subtitles == ("soft",)


def test_a_model_cannot_name_files() -> None:
    given = {**GOOD, "look": {"lut": "/etc/passwd"}, "shots": [{"prompt": "a", "clip": "/etc/passwd", "images": ["x"]}]}
    board = read_answer(json.dumps(given), Wishes())
    assert board.look is None
    assert board.shots[0].clip is None
    assert board.shots[0].images == ()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("I cannot do that.", "expected one JSON object"),
        ('{"title": "x"}', 'got no "shots"'),
        ('{"shots": "none"}', 'got no "shots"'),
        ('{"shots": [{"duration": 3}]}', "shots.1: got nothing to show"),
        ('{"shots": [{"prompt": "a", "duration": -3}]}', "shots.1.duration"),
        ('{"music": "jazz", "shots": ["a"]}', "music.mood"),
    ],
)
def test_what_is_wrong_is_said_in_words_for_the_model(said: str, error: str) -> None:
    with pytest.raises(InputError, match=error):
        read_answer(said, Wishes())


def test_the_model_is_told_what_was_wrong_and_asked_again() -> None:
    asked, model = a_model_that_says("no", '{"shots": [{"prompt": "a", "duration": 0}]}', json.dumps(GOOD))
    board = ask(model, "a cat", Wishes(), name="m")
    assert len(board.shots) == 2
    assert [len(messages) for messages in asked] == [1, 3, 3]
    assert "expected one JSON object" in asked[1][2]["content"]
    assert "shots.1.duration" in asked[2][2]["content"]


def test_after_three_attempts_it_says_so() -> None:
    asked, model = a_model_that_says("no", "no", "no", json.dumps(GOOD))
    with pytest.raises(InputError, match=r"scenarist m: got no storyboard in 3 attempts .*--fallback rules"):
        ask(model, "a cat", Wishes(), name="m")
    assert len(asked) == 3


def test_the_wished_number_of_shots_is_asked_for_and_checked() -> None:
    assert "a list of 4;" in task("a cat", Wishes(shots=4))
    with pytest.raises(InputError, match="got 2 shots, expected 4"):
        read_answer(json.dumps(GOOD), Wishes(shots=4))


def test_a_text_that_is_too_long_is_refused_before_any_work() -> None:
    with pytest.raises(InputError, match="a scene at a time"):
        ask(a_model_that_says()[1], "a" * 30_000, Wishes(), name="m")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real causal language model with random weights and a tokenizer with a chat template, saved as any other."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    torch = pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("models") / "untrained"
    words = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token=None, byte_fallback=False))
    words.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet)
    words.train_from_iterator(["a red cat walks"], trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=2600, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def test_a_real_model_is_loaded_and_answers_the_same_every_time(untrained: Path) -> None:
    asked = [{"role": "user", "content": "a cat " * 600}]
    answers = [load(untrained)(asked) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]


def test_an_untrained_model_fails_honestly(untrained: Path) -> None:
    with pytest.raises(InputError, match=r"untrained: got (no storyboard in 3 attempts|a text of \d+ tokens)"):
        local_storyboard_of("a cat", untrained, Wishes())


def test_a_text_longer_than_the_context_is_refused(untrained: Path) -> None:
    with pytest.raises(InputError, match="longer context"):
        load(untrained)([{"role": "user", "content": "a cat " * 5000}])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "nothing"}')
    with pytest.raises(InputError, match="cannot read it"):
        load(tmp_path)
