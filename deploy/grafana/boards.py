"""The dashboards. A query's `[R]` stands for the range over which rates are taken."""

from dataclasses import dataclass
from typing import Literal

Shape = Literal["timeseries", "stat", "table"]


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and what its lines are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel.

    Attributes:
        title: What is seen.
        queries: Drawn together.
        unit: One of Grafana's.
        shape: How it is drawn; three time series, or six figures, side by side.
        note: What is good and what is not.
    """

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    shape: Shape = "timeseries"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard; its uid is its file's name."""

    uid: str
    title: str
    panels: tuple[Panel, ...]


def quantiles(name: str, by: str = "", points: tuple[float, ...] = (0.5, 0.95, 0.99)) -> tuple[Query, ...]:
    """Of a histogram."""
    label = f", {by}" if by else ""
    named = f"{{{{{by}}}}} " if by else ""
    return tuple(
        Query(f"histogram_quantile({q}, sum by (le{label}) (rate({name}_bucket[R])))", f"{named}p{q * 100:g}")
        for q in points
    )


SERVICE = Board(
    "profilestream-service",
    "profilestream: service",
    (
        Panel("workers", (Query("count(profilestream_partitions)"),), shape="stat"),
        Panel("lag", (Query("sum(profilestream_lag_events)"),), shape="stat"),
        Panel("events/s", (Query("sum(rate(profilestream_events_total[R]))"),), "ops", "stat"),
        Panel("oldest commit", (Query("max(profilestream_commit_age_seconds)"),), "s", "stat"),
        Panel(
            "services away",
            (Query('sum(max by (service) (profilestream_breaker_state{state!="closed"}))'),),
            shape="stat",
        ),
        Panel("in flight", (Query("sum(profilestream_events_in_flight)"),), shape="stat"),
        Panel(
            "Events by outcome",
            (Query("sum by (outcome) (rate(profilestream_events_total[R]))", "{{outcome}}"),),
            "ops",
            note="skipped: was in the profile already, after a restart or a rebalance.",
        ),
        Panel("From event to update", quantiles("profilestream_event_to_update_seconds"), "s"),
        Panel("Lag by partition", (Query("max by (partition) (profilestream_lag_events)", "{{partition}}"),)),
        Panel("Stages (95 %)", quantiles("profilestream_stage_seconds", "stage", (0.95,)), "s"),
        Panel(
            "Commit age",
            (Query("max by (partition) (profilestream_commit_age_seconds)", "{{partition}}"),),
            "s",
            note="0 without lag.",
        ),
        Panel(
            "Events in a micro-batch",
            (
                Query(
                    "sum(rate(profilestream_batch_events_sum[R])) / sum(rate(profilestream_batch_events_count[R]))",
                    "mean",
                ),
            ),
        ),
        Panel(
            "Waiting for a service",
            (Query('max by (service, state) (profilestream_breaker_state{state!="closed"})', "{{service}} {{state}}"),),
            note="1 while workers wait; nothing is lost.",
        ),
        Panel(
            "Failed calls",
            (
                Query("sum by (service) (rate(profilestream_service_failures_total[R]))", "{{service}}"),
                Query('sum by (model) (rate(profilestream_encoder_calls_total{result="failed"}[R]))', "{{model}}"),
            ),
            "ops",
        ),
        Panel(
            "Cache hits",
            (
                Query(
                    'sum by (model) (rate(profilestream_cache_texts_total{result="hit"}[R]))'
                    " / sum by (model) (rate(profilestream_cache_texts_total[R]))",
                    "{{model}}",
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Dead letters in an hour",
            (Query("sum by (reason) (increase(profilestream_dead_letters_total[1h]))", "{{reason}}"),),
        ),
        Panel(
            "API requests",
            (Query("sum by (status) (rate(profilestream_api_requests_total[R]))", "{{status}}"),),
            "ops",
        ),
        Panel("API answers", quantiles("profilestream_api_request_seconds"), "s"),
        Panel("Models in use", (Query("count by (model, version) (profilestream_model_info)"),), shape="table"),
    ),
)

DRIFT = Board(
    "profilestream-drift",
    "profilestream: drift",
    (
        Panel("alarms now", (Query("sum(max by (kind) (profilestream_drift_alarm))"),), shape="stat"),
        Panel("alarms in a day", (Query("sum(increase(profilestream_drift_alarms_total[1d]))"),), shape="stat"),
        Panel(
            "Distance from the reference, in thresholds",
            (
                Query(
                    "max by (statistic) (profilestream_drift_score)"
                    " / max by (statistic) (profilestream_drift_threshold)",
                    "{{statistic}}",
                ),
            ),
            note="Above 1 in two windows in a row: an alarm.",
        ),
        Panel("Statistics", (Query("max by (statistic) (profilestream_drift_score)", "{{statistic}}"),)),
        Panel("Alarms by kind", (Query("max by (kind) (profilestream_drift_alarm)", "{{kind}}"),)),
        Panel(
            "Models in use",
            (Query("count by (model, version) (profilestream_model_info)", "{{model}} {{version}}"),),
            note="A new line is a new model: drift that begins there is the model's.",
        ),
        Panel(
            "Prequential accuracy",
            (Query("max by (task) (profilestream_prequential_accuracy)", "{{task}}"),),
            "percentunit",
            note="What only labels can show.",
        ),
    ),
)

LEARNING = Board(
    "profilestream-learning",
    "profilestream: learning",
    (
        Panel("worst accuracy", (Query("min(profilestream_prequential_accuracy)"),), "percentunit", "stat"),
        Panel("most forgotten", (Query("max(profilestream_forgetting)"),), "percentunit", "stat"),
        Panel("labels/s", (Query("sum(rate(profilestream_feedback_total[R]))"),), "ops", "stat"),
        Panel("texts kept", (Query("max(profilestream_buffer_texts)"),), shape="stat"),
        Panel(
            "Prequential accuracy",
            (Query("max by (task) (profilestream_prequential_accuracy)", "{{task}}"),),
            "percentunit",
            note="Of the latest labels, predicted before they were learned from.",
        ),
        Panel("Forgetting", (Query("max by (task) (profilestream_forgetting)", "{{task}}"),), "percentunit"),
        Panel("Feedback", (Query("sum by (outcome) (rate(profilestream_feedback_total[R]))", "{{outcome}}"),), "ops"),
        Panel(
            "Publications in an hour",
            (Query("sum by (kind) (increase(profilestream_publications_total[1h]))", "{{kind}}"),),
        ),
        Panel("Models in use", (Query("count by (model, version) (profilestream_model_info)"),), shape="table"),
    ),
)

BOARDS = (SERVICE, DRIFT, LEARNING)
