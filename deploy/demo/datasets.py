"""The Chit-Chat Challenge (BYU, MIT licence): messages of real people who talked about one of 34 prompts.

Each message is an event of its sender. A conversation's prompt is what it should be about: for about half of the
conversations that label is delivered as feedback, for the others it is held back, to see how good the profiles are.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from pathlib import Path
from typing import Any

from ...schemas.errors import SetupError
from ...schemas.events import Feedback, UserEvent

PACKAGE = "chitchat-dataset"
TASK = "interest"

# What is labelled of a conversation. Measured: a prompt is talked about at the start (the nearest prompt, untaught, is
# right for 53 % of the first two messages, 19 % of the seventh to tenth, 4 % after fifty), and long messages say more.
_OPENING_MESSAGES = 6
_OPENING_WORDS = 8


@dataclass(frozen=True, slots=True)
class Message:
    """What one person wrote; `id` is the same whenever the data set is read. Time in ms."""

    id: str
    user: str
    time: int
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in the order of their times; `topic` is the prompt, None where there was none."""

    id: str
    topic: str | None
    messages: tuple[Message, ...]

    @property
    def labelled(self) -> bool:
        """Whether its topic is told as feedback; decided by a hash of its id, so always in the same way."""
        return self.topic is not None and hashlib.sha256(self.id.encode()).digest()[0] < 128

    @property
    def ended(self) -> int:
        """Time of its last message, in ms."""
        return self.messages[-1].time

    def feedback(self) -> list[Feedback]:
        """Its topic as labels of its opening, told when it ends; nothing where the topic is held back."""
        if self.topic is None or not self.labelled:
            return []
        return [
            Feedback(
                id=f"{message.id}:{TASK}",
                user=message.user,
                task=TASK,
                label=self.topic,
                time=self.ended,
                text=message.text,
            )
            for message in opening(self)
        ]


def opening(conversation: Conversation) -> list[Message]:
    """The messages of a conversation that are about its topic, if any are."""
    first = conversation.messages[:_OPENING_MESSAGES]
    return [message for message in first if len(message.text.split()) >= _OPENING_WORDS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the demo replays. Everything in order of time.

    Attributes:
        events: The messages.
        backlog: Labels from before the first of them.
        feedback: Labels of the conversations that end among them.
        truth: For each user who writes in them in a conversation whose topic is held back, these topics.
    """

    events: tuple[UserEvent, ...]
    backlog: tuple[Feedback, ...]
    feedback: tuple[Feedback, ...]
    truth: dict[str, frozenset[str]]

    def stream(self) -> Iterator[UserEvent | Feedback]:
        """Events and feedback as they happened; of the same time, the event first."""
        records: tuple[tuple[UserEvent | Feedback, ...], ...] = (self.events, self.feedback)
        yield from merge(*records, key=lambda record: record.time)


def read_chitchat(folder: Path) -> tuple[Conversation, ...]:
    """All conversations, in order of their ends.

    Args:
        folder: Where the package was unpacked, e.g. by `fetch_package(PACKAGE, home)`. The file in it is read; the
            package is not imported.

    Raises:
        SetupError: The file is missing or is not what it should be.
    """
    path = folder / "chitchat_dataset" / "dataset.json"
    try:
        raw = json.loads(path.read_bytes())
        conversations = [_conversation(name, value) for name, value in raw.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(f"{path} cannot be read ({error!r}).\nRemove {folder} to have it fetched again.") from error
    return tuple(sorted((c for c in conversations if c.messages), key=lambda c: (c.ended, c.id)))


def select(conversations: Sequence[Conversation], *, events: int = 20_000, backlog: int = 3_000) -> Selection:
    """The last messages by time, and the labels that are known by then.

    Args:
        conversations: From `read_chitchat`.
        events: How many messages.
        backlog: At most so many labels from before, the latest: twice as many change the result by less than a point.
    """
    everything = [(message, conversation) for conversation in conversations for message in conversation.messages]
    everything.sort(key=lambda pair: (pair[0].time, pair[0].id))
    window = everything[-events:] if events > 0 else []
    begin = window[0][0].time if window else 0
    labels = [label for conversation in conversations for label in conversation.feedback()]
    labels.sort(key=lambda label: (label.time, label.id))
    before = [label for label in labels if label.time < begin]
    return Selection(
        events=tuple(_event(message, conversation) for message, conversation in window),
        backlog=tuple(before[max(0, len(before) - backlog) :]),
        feedback=tuple(labels[len(before) :]),
        truth=_held_back(window),
    )


def _held_back(window: list[tuple[Message, Conversation]]) -> dict[str, frozenset[str]]:
    truth: dict[str, frozenset[str]] = {}
    for message, conversation in window:
        if conversation.topic is not None and not conversation.labelled:
            truth[message.user] = truth.get(message.user, frozenset()) | {conversation.topic}
    return truth


def _event(message: Message, conversation: Conversation) -> UserEvent:
    return UserEvent(
        id=message.id,
        user=message.user,
        type="message",
        time=message.time,
        text=message.text,
        item=conversation.id,
    )


def _conversation(name: str, value: dict[str, Any]) -> Conversation:
    raw = [message for block in value["messages"] for message in block]
    messages = [
        Message(f"{name}/{index}", message["sender"], _milliseconds(message["timestamp"]), message["text"])
        for index, message in enumerate(raw)
        if message["text"].strip()  # 33 are blank: no event without a text
    ]
    messages.sort(key=lambda message: message.time)  # stable: of the same second, the order in the file
    return Conversation(name, value.get("prompt") or None, tuple(messages))


def _milliseconds(timestamp: str) -> int:
    # The "Z" is local time in truth; the order is right, and that is what matters here.
    return int(datetime.fromisoformat(timestamp).timestamp() * 1000)
