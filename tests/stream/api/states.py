"""States of the world that the page is looked at in: put in through what workers write with."""

import math
import time
from typing import Any

from profilestream.schemas.events import ModelEvent
from profilestream.stream.api.answers import Learning, Sample, Service, StreamHealth, Worker
from profilestream.stream.api.reports import put_learning
from tests.stream.api.place import Place
from tests.stream.world import event

SAID = (
    "the new trail shoes are great",
    "my order never arrived",
    "what a lovely concert",
    "can I change my flight",
    "the soup was cold again",
    "I fixed the bike myself",
    "refund please",
    "best hike of the year",
)


def now() -> int:
    """Milliseconds since 1970."""
    return round(time.time() * 1000)


def healthy(*, down: str | None = None) -> StreamHealth:
    """A stream that works, or in which a server is away."""
    at = now()
    samples = [
        Sample(
            time=at - 2000 * (150 - i), events_per_second=310 + 60 * math.sin(i / 9) + 25 * math.sin(i * 1.7), lag=i % 7
        )
        for i in range(150)
    ]
    if down:
        samples = [
            *samples[:-20],
            *[s.model_copy(update={"events_per_second": 0.0, "lag": 40 * i}) for i, s in enumerate(samples[-20:])],
        ]
    workers = [
        Worker(
            name=f"host-{number}",
            partitions=3,
            events_per_second=155.0,
            applied=41_000,
            skipped=3,
            dead_letters=2,
            memory_bytes=168 << 20,
            idle_seconds=0.1,
            model="encoder-v2",
            heads={"interest": 12},
        )
        for number in (1, 2)
    ]
    services = {
        name: Service(up=name != down, since=at - 95_000, detail="no answer within 3 s" if name == down else None)
        for name in ("kafka", "redis", "triton")
    }
    last = samples[-1]
    return StreamHealth(
        time=at,
        state="down" if down else "ok",
        events_per_second=last.events_per_second,
        lag=last.lag,
        workers=workers,
        partitions=6,
        services=services,
        samples=samples,
    )


def drift(*, alarm: bool) -> dict[str, Any]:
    """What the judge of drift publishes, see `stream/store/drift.py`."""
    at, checks = now(), 120
    times = [at - 30_000 * (checks - i) for i in range(checks)]

    def scores(level: float, jump: float) -> list[float]:
        risen = [max(0.0, i - 100) / 20 * jump if alarm else 0.0 for i in range(checks)]
        return [abs(level + 0.16 * math.sin(i * 0.9 + level * 9) + risen[i]) for i in range(checks)]

    history = {
        "novelty": scores(0.35, 2.4),
        "tail": scores(0.3, 1.7),
        "confidence": scores(0.5, 0.2),
        "stability": scores(0.42, 1.1),
    }
    titles = {
        "novelty": "How new texts are",
        "tail": "Very new texts",
        "confidence": "Unsure answers",
        "stability": "Mix of topics",
    }
    edges = [i / 20 for i in range(21)]
    bell = [math.exp(-(((e - 0.38) / 0.1) ** 2)) for e in edges[:-1]]
    second = [math.exp(-(((e - 0.78) / 0.07) ** 2)) * (0.45 if alarm else 0.0) for e in edges[:-1]]
    current = [b * (0.97 + 0.05 * math.sin(i)) + s for i, (b, s) in enumerate(zip(bell, second, strict=True))]
    shares = [1 / (code + 6) for code in range(64)]
    moved = [
        s * (1.03 + 0.05 * math.sin(c)) + (0.09 if alarm and c in (7, 31, 40) else 0.0) for c, s in enumerate(shares)
    ]
    summary = "11 % of the texts are about something new to the model: invoice, refund, billing." if alarm else ""
    ended = {
        "id": "1",
        "kind": "mix",
        "state": "over",
        "model": "encoder-v1",
        "time": at - 26 * 3_600_000,
        "events": 90_000,
        "summary": "Other topics than usual: festival, tickets.",
        "scores": {},
        "codes": [],
        "words": ["festival"],
        "examples": [],
    }
    begun = ended | {
        "id": "2",
        "kind": "content",
        "state": "alarm",
        "model": "encoder-v2",
        "time": at - 540_000,
        "summary": summary,
        "words": ["invoice", "refund", "billing", "charged", "twice"],
        "examples": [
            "I was charged twice on my last invoice",
            "how long does a refund take",
            "billing says [phone] is not mine",
        ],
    }
    return {
        "model": "encoder-v2",
        "since": times[40],
        "time": at,
        "state": "alarm" if alarm else "calm",
        "kind": "content" if alarm else None,
        "summary": summary,
        "events": 128_000,
        "reference": 5000,
        "wanted": 5000,
        "statistics": [
            {
                "name": name,
                "title": titles[name],
                "value": 0.31 * (1 + history[name][-1] / 9),
                "usual": 0.31,
                "score": history[name][-1],
            }
            for name in history
        ],
        "history": {"times": times, "scores": history},
        "codes": {"reference": [s / sum(shares) for s in shares], "current": [m / sum(moved) for m in moved]},
        "novelty": {
            "edges": edges,
            "reference": [b / sum(bell) for b in bell],
            "current": [c / sum(current) for c in current],
        },
        "feedback": {"labels": 900, "errors": 0.08, "usual": 0.07},
        "alarms": [begun, ended] if alarm else [ended],
    }


async def people(place: Place, count: int = 24, each: int = 12) -> None:
    """Users who say things."""
    hour = 3_600_000
    started = now() - each * 5 * hour
    names = [
        "ada",
        "grace",
        "alan",
        "katherine",
        "edsger",
        "barbara",
        "donald",
        "radia",
        "margaret",
        "dennis",
        "frances",
        "ken",
    ]
    await place.happen(
        *[
            event(
                turn * count + who,
                user=f"{names[who % 12]}.{who}",
                text=SAID[(turn * (1 + who % 3) + who) % len(SAID)],
                type="review" if turn % 4 == 0 else "message",
                time=started + turn * 5 * hour + who * 60_000,
            )
            for turn in range(each)
            for who in range(count)
        ]
    )


async def busy(place: Place, *, alarm: bool = False, down: str | None = None) -> None:
    """A deployment that has run for a while."""
    place.health = healthy(down=down)
    await people(place)
    await place.drift.publish("encoder-v2", drift(alarm=alarm))
    at = time.time()
    for back in range(20):
        for topic, (negative, positive) in {
            "cats": (2, 9),
            "dogs": (5, 4),
            "billing and refunds": (14 + back % 5, 2),
        }.items():
            counts = {
                "texts": 22 - back // 2,
                "negative": negative,
                "positive": positive,
                "polarity": 1000 * (positive - negative),
            }
            for name, count in counts.items():
                await place.trends.add(at - 3600 * back, {("", topic, name): count, ("", "", name): count})
    for moment, (kind, name, version) in enumerate(
        [("encoder", "encoder-v1", 1), ("head", "interest", 11), ("encoder", "encoder-v2", 2), ("head", "interest", 12)]
    ):
        await place.timeline.take(
            ModelEvent(
                kind=kind, name=name, version=version, location="", sha256="", time=now() - (5 - moment) * 9_000_000
            )
        )
    names = ["travel", "banking", "kitchen", "work"]
    matrix = [[0.96, None, None, None], [0.94, 0.93, None, None], [0.93, 0.92, 0.95, None], [0.93, 0.91, 0.94, 0.92]]
    await put_learning(
        place.artefacts,
        Learning(
            time=now() - 9e6,
            source="replay with distillation",
            tasks=names,
            accuracy=matrix,
            summary={"average_accuracy": 0.925, "forgetting": 0.02},
        ),
    )
