"""Every field that an operator may write is read by some code: which, and that it does, is checked here."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

import aiprod_server
from aiprod_server.orchestration.blocks import Orchestration

READERS = {
    "orchestrator.initial": "orchestration/machine.py",
    "orchestrator.states": "orchestration/machine.py",
    "orchestrator.terminal": "orchestration/machine.py",
    "orchestrator.transitions": "orchestration/machine.py",
    "orchestrator.maxTransitions": "orchestration/machine.py",
    "inputSanitizer.maxPromptChars": "orchestration/sanitizer.py",
    "inputSanitizer.maxScreenplayChars": "orchestration/sanitizer.py",
    "inputSanitizer.normalization": "orchestration/sanitizer.py",
    "inputSanitizer.rejectBidiControls": "orchestration/sanitizer.py",
    "creativeDirector.llmProvider": "orchestration/director.py",
    "creativeDirector.llmModel": "orchestration/director.py",
    "creativeDirector.fallback": "orchestration/director.py",
    "creativeDirector.maxShots": "orchestration/storyboards.py",
    "visualTranslator.clipCamera": "orchestration/translator.py",
    "visualTranslator.maxFilmSec": "orchestration/storyboards.py",
    "visualTranslator.maxFilmSidePx": "orchestration/storyboards.py",
    "renderExecutor.backend": "worker/context.py",
    "renderExecutor.model": "api/orders.py",
    "renderExecutor.precision": "worker/context.py",
    "renderExecutor.threads": "worker/context.py",
    "renderExecutor.tiers.pipeline": "worker/context.py",
    "renderExecutor.tiers.sizePx": "api/orders.py",
    "renderExecutor.tiers.steps": "api/orders.py",
    "renderExecutor.tiers.maxSteps": "orchestration/translator.py",
    "renderExecutor.tiers.guidanceScale": "api/orders.py",
    "renderExecutor.tiers.filmQuality": "worker/film.py",
    "renderExecutor.maxSidePx": "orchestration/translator.py",
    "renderExecutor.maxFrames": "orchestration/translator.py",
    "renderExecutor.stepTimeoutSec": "commands/worker.py",
    "renderExecutor.maxBatch": "commands/worker.py",
    "renderExecutor.previewEverySteps": "worker/context.py",
    "renderExecutor.filmWorkers": "worker/context.py",
    "renderExecutor.warmPipelines": "worker/context.py",
    "technicalQAGate.enabled": "worker/carried.py",
    "technicalQAGate.blocking": "orchestration/gates.py",
    "semanticQA.provider": "orchestration/gates.py",
    "semanticQA.model": "orchestration/gates.py",
    "semanticQA.threshold": "orchestration/gates.py",
    "supervisor.approveAt": "orchestration/supervisor.py",
    "supervisor.retryAt": "orchestration/supervisor.py",
    "supervisor.maxRetries": "orchestration/supervisor.py",
    "fastTrackAgent.enabled": "orchestration/director.py",
    "fastTrackAgent.maxDurationSec": "orchestration/director.py",
    "fastTrackAgent.maxPromptChars": "orchestration/director.py",
    "financialOrchestrator.currency": "api/costs.py",
    "financialOrchestrator.backendPriority": "worker/context.py",
    "financialOrchestrator.tiers.eurPerDeviceHour": "money/tariff.py",
    "financialOrchestrator.minimumChargeEur": "money/tariff.py",
    "financialOrchestrator.storageEurPerGbMonth": "money/tariff.py",
    "dynamicPricing.sources": "worker/context.py",
    "dynamicPricing.enabled": "money/tariff.py",
    "dynamicPricing.floor": "money/tariff.py",
    "dynamicPricing.ceiling": "money/tariff.py",
    "dynamicPricing.busyQueueSec": "money/estimates.py",
    "localStorage.retentionDays": "commands/worker.py",
    "localStorage.minFreeBytes": "worker/context.py",
    "localStorage.maxArtifactsGb": "worker/film.py",
}


def fields(block: type[BaseModel], path: str = "") -> Iterator[tuple[str, str]]:
    """The path of every field that holds a value, and its name in the code."""
    for name, field in block.model_fields.items():
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
        blocks = [one for one in inner if issubclass(one, BaseModel)]
        if blocks:
            yield from fields(blocks[0], f"{path}{field.alias}.")
        else:
            yield f"{path}{field.alias}", name


FIELDS = dict(fields(Orchestration))


def test_each_field_has_its_reader() -> None:
    assert FIELDS.keys() == READERS.keys()


@pytest.mark.parametrize("path", READERS)
def test_the_reader_reads_it(path: str) -> None:
    tree = ast.parse((Path(aiprod_server.__path__[0]) / READERS[path]).read_text())
    assert FIELDS[path] in {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
