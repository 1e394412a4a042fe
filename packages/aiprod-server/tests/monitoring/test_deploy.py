"""The board and the alert rules that are shipped ask only for metrics and labels that a gateway really has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from aiprod_server import migrations
from aiprod_server.database import connect
from aiprod_server.monitoring import error_log, gpu
from aiprod_server.monitoring.gpu import Gpu
from aiprod_server.monitoring.metrics import Metrics
from aiprod_server.monitoring.requests import Seen
from aiprod_server.queue import leases, submissions, workers

DEPLOY = Path(__file__).parents[4] / "deploy"
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "aiprod.json").read_text())
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
NAME = re.compile(r"\b(aiprod_\w+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
LABEL = re.compile(r"(\w+) *(?:=~|!~|!=|=)")
MADE = {"job", "instance", "le"}  # by Prometheus, and of histograms


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every metric of a gateway that has seen everything, and its labels."""
    folder = tmp_path_factory.mktemp("gateway")
    engine = connect(f"sqlite:///{folder / 'jobs.db'}")
    migrations.upgrade(engine)
    measured = Gpu(
        index=0,
        name="g",
        utilisation=0.5,
        memory_used_bytes=1,
        memory_total_bytes=2,
        temperature_c=50.0,
        power_w=9.0,
        ecc_errors=0,
    )
    workers.appear(engine, "w", "m", "cuda:0", now_s=100.0)
    gpu.report(engine, "w", [measured])
    submissions.submit(engine, {}, client="c", now_s=1.0)
    claim = leases.claim(engine, "w", now_s=2.0)
    assert claim is not None
    leases.finish_step(engine, claim, "render", "0" * 64, now_s=3.0)
    result = {"duration_s": 1.0, "qa": {"passed": False, "faults": ["black"]}}
    leases.complete(engine, claim, device_s=1.0, cost_microeur=1, now_s=3.0, result=result)
    error_log.record(engine, "worker", "E", "m", now_s=4.0)
    metrics = Metrics(engine, lambda: 100.0, folder)
    metrics(Seen(method="GET", route="/", status=200, duration_s=0.1, request_id="", client=None))
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            if not sample.name.endswith("_created"):  # when the process began to count
                labels.setdefault(sample.name, set()).update(sample.labels)
    engine.dispose()
    return labels


def _expressions() -> Iterator[str]:
    yield from (target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ()))
    yield from (rule["expr"] for rule in RULES)


def test_every_metric_and_label_that_is_asked_for_is_there(told: dict[str, set[str]]) -> None:
    for expression in _expressions():
        found = NAME.findall(expression)
        assert found or "up{" in expression, expression
        known = set.union(MADE, *(told.get(name, set()) for name, _ in found))
        for name, selected in found:
            assert name in told, f"{name}, of {expression}"
            assert {*LABEL.findall(selected)} <= told[name] | MADE, expression
        for grouped in GROUPED.findall(expression):
            assert {label.strip() for label in grouped.split(",")} <= known, expression


def test_every_metric_is_on_the_board(told: dict[str, set[str]]) -> None:
    shown = {name for expression in _expressions() for name, _ in NAME.findall(expression)}
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in told}
    assert families <= {re.sub("_bucket$", "", name) for name in shown}


def test_legends_name_labels_of_their_metrics(told: dict[str, set[str]]) -> None:
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            names = [name for name, _ in NAME.findall(target["expr"])]
            known = set.union(set(), *(told[name] for name in names))
            assert {*re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])} <= known, target["expr"]


def test_alerts_say_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names) >= 7
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {"summary", "action"} == set(rule["annotations"])


def test_panels_do_not_lie_over_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
