"""A topic that is not known at first: its labels are held back until half of the stream has gone by."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...schemas.events import Feedback, UserEvent
from .datasets import Conversation, Selection

_SELDOM = 1000  # one message of so many is as good as none


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """The stream in two halves, and what is told between them.

    Attributes:
        topic: What nobody is told of at first.
        before: The selection's first half, and its backlog without the topic.
        told: Labels of the topic, told half-way, in the order of their times.
        after: The second half, with whatever it tells of the topic.
    """

    topic: str
    before: Selection
    told: tuple[Feedback, ...]
    after: Selection


def newcomer(selection: Selection, conversations: Sequence[Conversation]) -> Newcomer:
    """Hold a topic back: one that hardly anybody talks about in the first half, and many labels are known of.

    Args:
        selection: With at least one event.
        conversations: All of them.
    """
    events = selection.events
    half = len(events) // 2
    middle = events[half].time
    topic = _topic(selection, {item.id: item.topic for item in conversations}, half)
    early = [label for label in selection.feedback if label.time < middle]
    before = replace(
        selection,
        events=events[:half],
        backlog=tuple(label for label in selection.backlog if label.label != topic),
        feedback=tuple(label for label in early if label.label != topic),
    )
    after = replace(selection, events=events[half:], backlog=(), feedback=selection.feedback[len(early) :])
    told = tuple(label for label in (*selection.backlog, *early) if label.label == topic)
    return Newcomer(topic=topic, before=before, told=told, after=after)


def chunks(stream: Iterator[UserEvent | Feedback], size: int) -> Iterator[list[UserEvent | Feedback]]:
    """The stream in pieces of so many records."""
    piece: list[UserEvent | Feedback] = []
    for record in stream:
        piece.append(record)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


def _topic(selection: Selection, topics: dict[str, str | None], half: int) -> str:
    known = Counter(label.label for label in (*selection.backlog, *selection.feedback))
    early = Counter(topics[event.item or ""] for event in selection.events[:half])
    late = Counter(topics[event.item or ""] for event in selection.events[half:])
    return min(known, key=lambda t: (not late[t], max(early[t], half // _SELDOM), -known[t], t), default="")
