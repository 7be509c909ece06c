"""Every metric of worker and learner.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for counters.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
EVENTS = (1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: In full, with its unit.
        kind: Of Prometheus's kinds.
        meaning: For people; the README's table says the same.
        labels: In their order.
        buckets: Upper bounds, for a histogram.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = SECONDS


CATALOGUE: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        # The stream: worker.
        Metric(
            "profilestream_events_total",
            "counter",
            "Events by what became of them: applied, skipped (were in the profile already), dead_letter.",
            ("outcome",),
        ),
        Metric(
            "profilestream_dead_letters_total", "counter", "Messages that cannot be applied, by reason.", ("reason",)
        ),
        Metric("profilestream_updates_total", "counter", "Profiles published to profile-updates."),
        Metric(
            "profilestream_events_in_flight",
            "gauge",
            "Events read and not yet acknowledged: bounded, whatever is down.",
        ),
        Metric("profilestream_partitions", "gauge", "Partitions that this worker reads."),
        Metric(
            "profilestream_lag_events",
            "gauge",
            "Messages of a partition behind the group's committed offset, as its owner sees it.",
            ("partition",),
        ),
        Metric(
            "profilestream_commit_age_seconds",
            "gauge",
            "Seconds since a partition's committed offset moved; 0 without lag.",
            ("partition",),
        ),
        Metric("profilestream_batch_events", "histogram", "Events in a micro-batch.", buckets=EVENTS),
        Metric(
            "profilestream_stage_seconds",
            "histogram",
            "Time of a micro-batch in a stage (decode, embed, apply, publish), waiting for a service included.",
            ("stage",),
        ),
        Metric(
            "profilestream_event_to_update_seconds",
            "histogram",
            "From Kafka's time of a micro-batch's oldest event to its update being acknowledged.",
        ),
        Metric(
            "profilestream_cache_texts_total",
            "counter",
            "Texts asked of an encoder's cache, by result: hit, miss.",
            ("model", "result"),
        ),
        Metric(
            "profilestream_encoder_calls_total",
            "counter",
            "Calls to an encoder (Triton), by result: answered, failed.",
            ("model", "result"),
        ),
        Metric(
            "profilestream_service_failures_total",
            "counter",
            "Calls that found a service away: encoder (Triton), store (Redis), broker (Kafka), schema registry.",
            ("service",),
        ),
        Metric(
            "profilestream_breaker_state",
            "gauge",
            "1 for the state that a service's breaker is in: closed, open, half-open.",
            ("service", "state"),
        ),
        Metric(
            "profilestream_model_info",
            "gauge",
            "1 for each model in use: the encoder, and heads.",
            ("model", "version"),
        ),
        Metric("profilestream_quiet_seconds", "gauge", "How long the watchdog has seen work and no progress."),
        # Drift: worker or monitor.
        Metric(
            "profilestream_drift_score",
            "gauge",
            "A drift statistic of the latest window, in units of its threshold.",
            ("statistic",),
        ),
        Metric(
            "profilestream_drift_threshold", "gauge", "Above this, a window counts towards an alarm.", ("statistic",)
        ),
        Metric("profilestream_drift_alarm", "gauge", "1 while there is an alarm of a kind of change.", ("kind",)),
        Metric("profilestream_drift_alarms_total", "counter", "Alarms raised, by kind of change.", ("kind",)),
        # Learning: learner.
        Metric(
            "profilestream_prequential_accuracy",
            "gauge",
            "Share of the latest labels that were predicted before they were learned from.",
            ("task",),
        ),
        Metric(
            "profilestream_forgetting",
            "gauge",
            "Accuracy that a task's heads had at their best, less what they have now; 0 to 1.",
            ("task",),
        ),
        Metric(
            "profilestream_feedback_total",
            "counter",
            "Labels received, by outcome: learned, repeated, unusable, other_tasks.",
            ("outcome",),
        ),
        Metric("profilestream_publications_total", "counter", "Models published, by kind: head, encoder.", ("kind",)),
        Metric("profilestream_buffer_texts", "gauge", "Labelled texts that the learner keeps for replay."),
    )
}
