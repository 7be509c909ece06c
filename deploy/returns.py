"""The model of returns on a stream that is there: the demo's data, or all of user-events."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..continual.users.baselines import base_rate, last_gap
from ..continual.users.prequential import Returns
from ..continual.users.returns import ReturnModel
from ..inference.artefacts import read_file, write_file
from ..schemas.codec import decode_event
from ..schemas.errors import BadRecordError
from ..stream.kafka.connection import KafkaConnection
from ..stream.recovery.scan import scanner
from .demo.datasets import Conversation
from .topics import USER_EVENTS

WARM_UP = 200  # truths that everybody may learn from before it counts
MODEL = "logistic regression (river)"
_STEP = 2000

Progress = Callable[[int, int], None]


class Happening(NamedTuple):
    """That a user did something: time in ms, words said."""

    time: int
    user: str
    words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How well returns were predicted, each before it was known.

    Attributes:
        events, users: In the stream.
        predictions: Users falling silent, of whom is known what they did; the first ones warm up and do not count.
        returned: Share that came back within a day.
        auc, log_loss: By predictor.
        weights: Of the model, in standard deviations of each feature.
    """

    events: int
    users: int
    predictions: int
    returned: float
    auc: dict[str, float]
    log_loss: dict[str, float]
    weights: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def evaluate(stream: Sequence[Happening], model: ReturnModel, progress: Progress = lambda *_: None) -> Evaluation:
    """Replay a stream in order of time; the model learns on the way.

    Args:
        stream: In any order.
        model: Goes on learning.
        progress: Told how many of how many events were replayed.
    """
    returns = Returns({"base rate": base_rate(), "last gap": last_gap(), MODEL: model}, warm_up=WARM_UP)
    for at, event in enumerate(sorted(stream)):
        returns.event(event.user, event.time, event.words)
        if at % _STEP == 0:
            progress(at, len(stream))
    progress(len(stream), len(stream))
    return Evaluation(
        events=len(stream),
        users=len({event.user for event in stream}),
        predictions=returns.decided,
        returned=returns.returned / max(returns.decided, 1),
        auc={name: float(score.auc.get()) for name, score in returns.scores.items()},
        log_loss={name: float(score.loss.get()) for name, score in returns.scores.items()},
        weights=model.weights(),
    )


def of_conversations(conversations: Sequence[Conversation]) -> list[Happening]:
    """The demo's messages."""
    return [
        Happening(message.time, message.user, len(message.text.split()))
        for conversation in conversations
        for message in conversation.messages
    ]


async def of_topic(connection: KafkaConnection, progress: Progress = lambda *_: None) -> list[Happening]:
    """All good events that are in user-events now.

    Raises:
        BrokerUnavailableError: Kafka does not answer.
    """
    found: list[Happening] = []
    async with scanner(connection) as kafka:
        spans = await kafka.spans(USER_EVENTS)
        total = sum(span.length for span in spans.values())
        for partition, span in spans.items():
            async for records in kafka.read(partition, span):
                found += [event for record in records if (event := _happening(record.value))]
                progress(len(found), total)
    return found


def read_model(path: Path | None) -> ReturnModel:
    """The model that an earlier run left, or a new one where there is no such file.

    Raises:
        ArtefactError: The file is something else, or damaged.
    """
    return ReturnModel.from_bytes(read_file(path)) if path and path.exists() else ReturnModel()


def write_model(path: Path, model: ReturnModel) -> None:
    """Leave the model for the next run.

    Raises:
        ArtefactError: It cannot be written.
    """
    write_file(path, model.to_bytes())


def _happening(value: bytes | None) -> Happening | None:
    try:
        event = decode_event(value)
    except BadRecordError:
        return None
    return Happening(event.time, event.user, len((event.text or "").split()))
