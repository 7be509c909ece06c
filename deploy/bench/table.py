"""The figures as tables for the screen."""

from typing import Any

from rich.table import Table

_KINDS = {
    "distinct": "distinct texts of {words} words",
    "texts_50": "distinct texts of 50 words",
    "repetition": "the demo's messages, in their order",
    "known_texts": "texts that the worker knows",
    "without_text": "events without a text",
}


def tables(found: dict[str, Any]) -> list[Table]:
    """One for each section that found something."""
    made = {
        "distinct": _pipeline,
        "peers": _peers,
        "latency": _latency,
        "workers": _workers,
        "users": _users,
        "memory": _memory,
        "api": _api,
        "failed": _failed,
    }
    return [table(found) for name, table in made.items() if found.get(name)]


def _pipeline(found: dict[str, Any]) -> Table:
    table = Table(
        "what",
        "a second",
        "to the ceiling",
        "worker (µs of a core each)",
        "updates each",
        title=f"one worker, {found['encoder']}, {found['distinct']['users']} users",
    )
    table.add_row("the model alone, in-process", f"{found['ceiling_texts_per_second']:,.0f}", "1.00", "", "")
    if alone := found.get("triton_alone"):
        table.add_row("Triton alone", f"{alone['texts_per_second']:,.0f}", f"{alone['ratio']:.2f}", "", "")
    for name, title in _KINDS.items():
        one = found[name]
        table.add_row(
            f"[bold]{title.format(words=found['words'])}[/]",
            f"{one['events_per_second']:,.0f}",
            f"{one['ratio']:.2f}" if "ratio" in one else "",
            f"{one['cpu_us_per_event']['worker']:,.0f}",
            f"{one['updates_per_event']:.2f}",
        )
    spread = [entry["ratio"] for entry in found["rounds"]]
    table.caption = (
        f"{len(spread)} rounds, ratios {min(spread):.2f} to {max(spread):.2f}; "
        f"worker {found['worker_memory_bytes'] / 2**20:.0f} MiB"
    )
    return table


def _peers(found: dict[str, Any]) -> Table:
    table = Table(
        "peer",
        "distinct texts (1/s)",
        "ours beside it",
        "ratio",
        "without text (1/s)",
        "ours beside it",
        "ratio",
        title="the same work by others; ratio: ours to theirs",
    )
    for one in found["peers"].values():
        if reason := one.get("left_out"):
            table.add_row(one["title"], f"[yellow]left out:[/] {reason.splitlines()[0]}")
            continue
        columns = []
        for kind in (one, one["without_text"]):
            columns += [
                f"{kind['events_per_second']:,.0f}",
                f"{kind['our_events_per_second']:,.0f}",
                f"[bold]{kind['ratio']:.2f}[/]",
            ]
        table.add_row(one["title"], *columns)
    return table


def _latency(found: dict[str, Any]) -> Table:
    latency = found["latency"]
    table = Table(
        "share of capacity",
        "events/s",
        "p50 (ms)",
        "p95",
        "p99",
        "max",
        title=f"produce to update seen, distinct texts of {latency['words']} words",
    )
    for share, one in latency.items():
        if isinstance(one, dict):
            values = [one[name] for name in ("events_per_second", "p50", "p95", "p99", "highest")]
            table.add_row(f"{share} %", *(f"{value:,.0f}" for value in values))
    return table


def _workers(found: dict[str, Any]) -> Table:
    table = Table("what", "one worker (1/s)", "two workers", "ratio", title="more workers on the same cores")
    for name in ("distinct", "without_text"):
        one = found["workers"][name]
        table.add_row(
            _KINDS[name].format(words=found["workers"]["words"]),
            f"{one['one_events_per_second']:,.0f}",
            f"{one['two_events_per_second']:,.0f}",
            f"[bold]{one['ratio']:.2f}[/]",
        )
    return table


def _users(found: dict[str, Any]) -> Table:
    table = Table(
        "users",
        "new profiles (1/s)",
        "events/s",
        "updates each",
        "worker (µs)",
        "Redis (µs)",
        "bytes of a profile",
        "in Redis",
        title="events without a text, users in turn",
    )
    for one in found["users"]:
        used = one["cpu_us_per_event"]
        table.add_row(
            f"{one['users']:,}",
            f"{one['events_per_second_new']:,.0f}" if one["events_per_second_new"] else "copies",
            f"{one['events_per_second']:,.0f}",
            f"{one['updates_per_event']:.2f}",
            f"{used['worker']:.0f}",
            f"{used.get('valkey', 0):.1f}",
            f"{one['profile_bytes']['median']:,.0f}",
            f"{one['profile_bytes']['median_in_redis']:,.0f}",
        )
    return table


def _memory(found: dict[str, Any]) -> Table:
    one = found["memory"]
    table = Table(
        "first (MiB)", "highest", "last", "slope (MiB a million)", title=f"a worker over {one['events']:,} events"
    )
    sizes = [f"{one[name] / 2**20:.0f}" for name in ("first_bytes", "highest_bytes", "last_bytes")]
    table.add_row(*sizes, f"{one['slope_mib_per_million_events']:+.1f}")
    return table


def _api(found: dict[str, Any]) -> Table:
    one = found["api"]
    table = Table(
        *("read", "p50 (ms)", "p99 (ms)", "p99.9 (ms)", "max (ms)"),
        title=f"HTTP API, {one['requests_per_second']:.0f} requests/s",
    )
    names = {"redis_get": "bare Redis GET", "bare_route": "bare FastAPI route", "profile": "[bold]a profile[/]"}
    for name, title in names.items():
        table.add_row(title, *(f"{one[name][column]:.2f}" for column in ("p50", "p99", "p999", "highest")))
    return table


def _failed(found: dict[str, Any]) -> Table:
    table = Table("section", "why it found nothing", title="failed", title_style="red")
    for name, reason in found["failed"].items():
        table.add_row(name, reason)
    return table
