"""Metrics: what a site does in numbers, for Prometheus; every name stands here.

No label holds what a visitor typed: endpoints are patterns, all others are words of ours.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from indexer import REASONS, KnowledgeBase, NoIndex, Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FACES = {
    "ask": ("answer", "related", "none"),
    "page": ("answer", "related", "none", "hits"),
    "typing": ("answer", "related", "none"),
    "search": ("hits", "none"),
}
VOTES = ("helped", "did_not_help", *REASONS)
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counts what a site does; safe to share between threads."""

    def __init__(self, knowledge_base: KnowledgeBase, version: str) -> None:
        self._registry = _Registry()
        self._knowledge_base = knowledge_base
        self._lock = threading.Lock()
        self._build = ""
        self._status: Status | None = None
        Info("fixdex", "Which Fixdex this is.", registry=self._registry).info({"version": version})
        self._requests = Counter(
            "fixdex_http_requests_total",
            "Requests answered.",
            ("endpoint", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "fixdex_http_request_duration_seconds",
            "Time from a request to its response.",
            ("endpoint",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._questions = Counter(
            "fixdex_questions_total",
            "Questions by where they were asked and what came of them.",
            ("face", "state"),
            registry=self._registry,
        )
        self._refusals = Counter(
            "fixdex_refusals_total",
            "Requests refused or failed, by the code of the error.",
            ("code",),
            registry=self._registry,
        )
        self._votes = Counter(
            "fixdex_votes_total",
            "What readers said of answers.",
            ("vote",),
            registry=self._registry,
        )
        self._reloads = Counter(
            "fixdex_index_reloads_total",
            "Times that a newer index took over.",
            registry=self._registry,
        )
        # A rate needs the zero before the first one.
        for face, states in FACES.items():
            for state in states:
                self._questions.labels(face, state)
        for vote in VOTES:
            self._votes.labels(vote)
        self._registry.register(_Index(self))
        ProcessCollector(registry=self._registry)

    def request(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        """Counts a request by the pattern of its address."""
        method = method if method in _METHODS else "other"
        self._requests.labels(endpoint, method, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def question(self, face: str, state: str, build: str) -> None:
        """Counts a question that the index of a build answered."""
        self._questions.labels(face, state).inc()
        self._notice(build)

    def refusal(self, code: str) -> None:
        """Counts a request that was refused, or that failed."""
        self._refusals.labels(code).inc()

    def vote(self, vote: str) -> None:
        """Counts what a reader said of an answer, one of VOTES."""
        self._votes.labels(vote).inc()

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        self.index()  # notices a newer one before the reloads are read
        return generate_latest(self._registry)

    def index(self) -> Status | None:
        """What the index holds, counted once for each; None where there is no index."""
        try:
            build = self._knowledge_base.info().build
        except NoIndex:
            return None
        self._notice(build)
        status = self._status
        if status is None or status.build != build:
            status = self._status = self._knowledge_base.status(compare=False)
        return status

    def _notice(self, build: str) -> None:
        if build == self._build:
            return
        with self._lock:
            if self._build and build > self._build:
                self._reloads.inc()
            self._build = max(build, self._build)


class _Index(Collector):
    """The numbers of the index, looked up whenever they are asked for."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        status = self._metrics.index()
        ready = "Whether there is an index to answer from."
        yield GaugeMetricFamily("fixdex_index_ready", ready, value=status is not None)
        if status is None:
            return
        built = datetime.fromisoformat(status.built_at).timestamp()
        for name, told, value in (
            ("posts", "Posts in the index.", status.posts),
            ("problems", "Problems that the posts tell.", status.problems),
            ("skipped_files", "Files of the folder that are not indexed.", len(status.skipped)),
            ("size_bytes", "Size of the index on disk.", status.size_bytes),
            ("build", "Number of the index, one more with each rebuild.", int(status.build)),
            ("built_timestamp_seconds", "When the index was built, in Unix time.", built),
        ):
            yield GaugeMetricFamily(f"fixdex_index_{name}", told, value=value)


class _Registry(CollectorRegistry):
    """The metrics of one site; when each was first counted, four lines in ten, is left out."""

    def __init__(self) -> None:
        super().__init__(auto_describe=False)

    def collect(self) -> Iterable[Metric]:
        for metric in super().collect():
            metric.samples = [one for one in metric.samples if not one.name.endswith("_created")]
            yield metric
