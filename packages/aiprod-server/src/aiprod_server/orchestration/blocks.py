"""The blocks of the orchestration: what an operator may write, and what each field means.

Every field is read by some code. Knows which outcomes an agent can have, but neither files nor what makes sense
together: `config` reads, `soundness` checks.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from aiprod_core.errors import InputError
from aiprod_pipelines.film.form import shown
from aiprod_pipelines.quality.finding import Code

Tier: TypeAlias = Literal["eco", "standard", "premium"]
BackendName: TypeAlias = Literal["aiprod_sovereign"]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Eur: TypeAlias = Annotated[float, Field(ge=0, le=1_000_000)]


class Agent(StrEnum):
    """What works in a state; each has the block of its name."""

    SANITIZER = "inputSanitizer"
    FAST_TRACK = "fastTrackAgent"
    DIRECTOR = "creativeDirector"
    TRANSLATOR = "visualTranslator"
    RENDERER = "renderExecutor"
    TECHNICAL = "technicalQAGate"
    SEMANTIC = "semanticQA"
    SUPERVISOR = "supervisor"


class Verdict(StrEnum):
    """How an order ends: rejected ones fail, the others are delivered."""

    APPROVED = "approved"
    ESCALATED = "escalated"  # delivered, and a person should look at it
    REJECTED = "rejected"


OUTCOMES: Mapping[Agent, tuple[str, ...]] = {
    Agent.SANITIZER: ("clean",),
    Agent.FAST_TRACK: ("fast", "full"),
    Agent.DIRECTOR: ("told",),
    Agent.TRANSLATOR: ("planned",),
    Agent.RENDERER: ("rendered",),
    Agent.TECHNICAL: ("passed", "blocked"),
    Agent.SEMANTIC: ("judged", "unjudged"),
    Agent.SUPERVISOR: ("approve", "escalate", "retry", "reject"),
}


def _alias(name: str) -> str:
    return to_camel(re.sub(r"_s$", "_sec", name))


class _Block(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=_alias, validate_by_name=True, allow_inf_nan=False
    )


class Orchestrator(_Block):
    """The state machine. `states`: who works in each; `transitions`: state → outcome → next state."""

    initial: Name
    states: dict[Name, Annotated[Agent, Field(strict=False)]]
    terminal: dict[Name, Annotated[Verdict, Field(strict=False)]]
    transitions: dict[Name, dict[Name, Name]]
    max_transitions: int = Field(ge=1, le=1000)  # of one order; more is an error


class InputSanitizer(_Block):
    """What a text may be. Lengths are counted after normalisation, in characters."""

    max_prompt_chars: int = Field(ge=1, le=100_000)  # of a clip, and of what to stay away from
    max_screenplay_chars: int = Field(ge=1, le=4_000_000)  # of a film, and of each text in its storyboard
    normalization: Literal["NFC", "NFKC"]  # Unicode Standard Annex 15
    reject_bidi_controls: bool  # characters that turn the direction of the text around them


class CreativeDirector(_Block):
    """Who makes a storyboard of words."""

    llm_provider: Literal["local", "rules"]
    llm_model: str | None  # a folder with an instruct model: absolute, or from the working directory
    fallback: Literal["rules", "none"]  # who writes where the model is not there, or gives no storyboard
    max_shots: int = Field(ge=1, le=200)


class VisualTranslator(_Block):
    """A storyboard into a plan, a clip's words into what the model is told."""

    clip_camera: str | None  # the camera that a clip's prompt gets where it says none; null leaves it as written
    max_film_s: float = Field(gt=0, le=7200)
    max_film_side_px: int = Field(ge=16, le=8192)


class RenderTier(_Block):
    """How a tier renders. `size_px`: the side of a clip that says none."""

    pipeline: Literal["distilled", "ti2vid_one_stage", "ti2vid_two_stages"]
    size_px: int = Field(ge=16, le=2048)
    steps: int = Field(ge=1, le=1000)  # where the request says none
    max_steps: int = Field(ge=1, le=1000)
    guidance_scale: float = Field(ge=0, le=50)  # where the request says none
    film_quality: Literal["draft", "standard", "fine"]  # of films from words; a storyboard says its own


class RenderExecutor(_Block):
    """What renders, and how much of it."""

    backend: BackendName  # of requests that name no model
    model: Name  # likewise: a folder of weights, by name
    precision: Literal["fp32", "bf16"]  # of clips; a film's shots are in fp32, so that they are the same everywhere
    threads: int = Field(ge=1, le=256)  # of a clip
    tiers: dict[Tier, RenderTier] = Field(min_length=1)
    max_side_px: int = Field(ge=16, le=2048)
    max_frames: int = Field(ge=1, le=1025)
    step_timeout_s: float = Field(gt=0, le=86_400)  # without a word from the child for so long, it is killed
    max_batch: int = Field(ge=1, le=64)  # like clips rendered at once
    preview_every_steps: int = Field(ge=0, le=1000)  # denoising steps between two pictures; 0: none
    film_workers: int = Field(ge=1, le=64)  # steps of a film at a time
    warm_pipelines: int = Field(ge=1, le=16)  # of clips, that stay loaded; the longest unused goes first


class TechnicalQAGate(_Block):
    """Inspection of what was rendered. A finding whose code is in `blocking` is not delivered; others are reported."""

    enabled: bool
    blocking: tuple[Annotated[Code, Field(strict=False)], ...] = Field(strict=False)


class SemanticQA(_Block):
    """Whether a clip shows what its prompt names. `model`: a file beside the weights of the request."""

    provider: Literal["local", "none"]
    model: Name
    threshold: Share  # the least probability at which the judge is taken to see an attribute


class Supervisor(_Block):
    """Rules for the end. Scores are shares of what the prompt names, [0, 1]."""

    approve_at: Share  # below it, a person should look
    retry_at: Share  # below it, another seed is tried, where the client chose none
    max_retries: int = Field(ge=0, le=10)


class FastTrackAgent(_Block):
    """Which clips are rendered as they are written, without a director; storyboards always are."""

    enabled: bool
    max_duration_s: float = Field(gt=0, le=7200)
    max_prompt_chars: int = Field(ge=1, le=100_000)


class Rate(_Block):
    """What a tier costs."""

    eur_per_device_hour: Eur


class FinancialOrchestrator(_Block):
    """Prices. `backend_priority`: what may render, the first being that of requests that name no model."""

    currency: Literal["EUR"]
    backend_priority: tuple[BackendName, ...] = Field(min_length=1, strict=False)
    tiers: dict[Tier, Rate] = Field(min_length=1)
    minimum_charge_eur: Eur  # of a completed job
    storage_eur_per_gb_month: Eur


class DynamicPricing(_Block):
    """What a charge follows, and how much dearer a device hour is while many want one.

    Rates are multiplied by `floor` where nothing is to do, by `ceiling` where all devices work and the queue would keep
    each busy for `busy_queue_s`, and by what lies between in between.
    """

    sources: tuple[Literal["internal_gpu_meter"], ...] = Field(min_length=1, strict=False)  # measured by the worker
    enabled: bool
    floor: float = Field(gt=0, le=1)
    ceiling: float = Field(ge=1, le=100)
    busy_queue_s: float = Field(gt=0, le=604_800)


class LocalStorage(_Block):
    """What is kept on this machine."""

    retention_days: float = Field(gt=0, le=36_500)  # of a job's files
    min_free_bytes: int = Field(ge=0)  # with less on the disk, no job is begun
    max_artifacts_gb: float = Field(gt=0, le=1_000_000)  # of films' steps, 10^9 bytes; the longest unused goes first


class Orchestration(_Block):
    """The whole file."""

    orchestrator: Orchestrator
    input_sanitizer: InputSanitizer
    creative_director: CreativeDirector
    visual_translator: VisualTranslator
    render_executor: RenderExecutor
    technical_qa_gate: TechnicalQAGate = Field(alias="technicalQAGate")
    semantic_qa: SemanticQA = Field(alias="semanticQA")
    supervisor: Supervisor
    fast_track_agent: FastTrackAgent
    financial_orchestrator: FinancialOrchestrator
    dynamic_pricing: DynamicPricing
    local_storage: LocalStorage

    def tier(self, name: str) -> RenderTier:
        """How a tier renders. Raises `InputError` for one that is not offered."""
        for known, tier in self.render_executor.tiers.items():
            if known == name:
                return tier
        raise InputError(f"tier: got {shown(name)}, expected one of {', '.join(self.render_executor.tiers)}")
