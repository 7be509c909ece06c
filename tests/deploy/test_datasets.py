"""The demo's data: chit-chat conversations and rated texts, from the real packages and from small files."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from profilestream.deploy.demo.datasets import PACKAGE, Conversation, read_chitchat, select
from profilestream.deploy.demo.sentiment import PACKAGE as RATINGS
from profilestream.deploy.demo.sentiment import fit_sentiment, read_ratings
from profilestream.deploy.local.packages import fetch_package
from profilestream.inference.hashing import HashEmbedder
from profilestream.schemas.errors import SetupError
from profilestream.schemas.events import Feedback, UserEvent

LONG = "one two three four five six seven eight nine"


@pytest.fixture(scope="session")
def conversations(data_home: Path) -> tuple[Conversation, ...]:
    """The real data set."""
    return read_chitchat(fetch_package(PACKAGE, data_home))


def small(tmp_path: Path, count: int = 40) -> Path:
    """A data set of the same form: one conversation an hour, two people each, two of them quiet."""
    talks = {}
    for number in range(count):
        at = f"2018-05-{1 + number // 24:02d}T{number % 24:02d}"
        blocks = [
            [
                {"text": f"{LONG} {number}", "timestamp": f"{at}:00:00Z", "sender": f"user{number % 3}"},
                {"text": "yeah", "timestamp": f"{at}:00:05Z", "sender": f"user{number % 3}"},
            ],
            [{"text": "  ", "timestamp": f"{at}:00:10Z", "sender": "user9"}],
        ]
        talks[f"talk{number}"] = {"messages": blocks, "start": f"{at}:00:00Z", "prompt": f"topic{number % 4}"}
    talks["quiet"] = {"messages": [], "start": "2018-05-01T00:00:00Z", "prompt": "nothing"}
    folder = tmp_path / "chitchat_dataset"
    folder.mkdir(exist_ok=True)
    (folder / "dataset.json").write_text(json.dumps(talks))
    return tmp_path


def test_the_real_data_set_is_read_whole(conversations: tuple[Conversation, ...]) -> None:
    """Every message that says something is there, with one id each, and 34 topics."""
    ids = [message.id for conversation in conversations for message in conversation.messages]
    assert len(ids) == len(set(ids)) == 258_145 - 33
    assert len({c.topic for c in conversations} - {None}) == 34
    assert 0.48 < np.mean([c.labelled for c in conversations if c.topic]) < 0.52


def test_the_last_messages_come_in_order_with_their_labels(conversations: tuple[Conversation, ...]) -> None:
    """What the demo replays: as many events as asked for, a bounded backlog of labels, and people to judge by."""
    chosen = select(conversations, events=20_000, backlog=3_000)
    stream = list(chosen.stream())
    assert sum(isinstance(record, UserEvent) for record in stream) == 20_000
    assert [r.time for r in stream] == sorted(r.time for r in stream)
    assert len(chosen.backlog) == 3_000
    assert max(label.time for label in chosen.backlog) < chosen.events[0].time
    assert len(chosen.truth) > 40
    assert all(event.text and event.user and event.type == "message" for event in chosen.events)


def test_nothing_that_is_held_back_is_told(conversations: tuple[Conversation, ...]) -> None:
    """No conversation is both taught and judged by."""
    chosen = select(conversations, events=5_000, backlog=10**9)
    told = {label.id.split("/")[0] for label in (*chosen.backlog, *chosen.feedback)}
    held_back = {c.id for c in conversations if c.topic and not c.labelled}
    assert told
    assert not told & held_back
    in_events = {event.item for event in chosen.events}
    assert {t for topics in chosen.truth.values() for t in topics} == {
        c.topic for c in conversations if c.id in held_back and c.id in in_events
    }


def test_reading_twice_gives_the_same_selection(tmp_path: Path) -> None:
    """Ids and the split do not change between runs, so a replay counts nothing twice."""
    one, two = (select(read_chitchat(small(tmp_path)), events=30) for _ in range(2))
    assert one == two


def test_only_long_opening_messages_are_labelled_when_their_conversation_ends(tmp_path: Path) -> None:
    """A label never comes before its conversation is over, and never for a mere "yeah"."""
    talks = read_chitchat(small(tmp_path))
    labels = [label for talk in talks for label in talk.feedback()]
    assert labels
    assert {type(label) for label in labels} == {Feedback}
    assert all(label.text is not None and label.text.startswith(LONG) for label in labels)
    ends = {talk.id: talk.ended for talk in talks}
    assert all(label.time == ends[label.id.split("/")[0]] for label in labels)


@pytest.mark.parametrize(("events", "expected"), [(0, 0), (7, 7), (10**6, 80)])
def test_as_many_events_as_there_are(tmp_path: Path, events: int, expected: int) -> None:
    """Blank messages and empty conversations are left out; asking for more than all gives all."""
    chosen = select(read_chitchat(small(tmp_path)), events=events)
    assert len(chosen.events) == expected


@pytest.mark.parametrize("content", [None, "", "[]", '{"a": {}}', '{"a": {"messages": [[{"text": "x"}]]}}'])
def test_a_broken_data_set_is_told_in_two_lines(tmp_path: Path, content: str | None) -> None:
    """The error names the file and what to do."""
    folder = tmp_path / "chitchat_dataset"
    folder.mkdir()
    if content is not None:
        (folder / "dataset.json").write_text(content)
    with pytest.raises(SetupError, match=r"dataset\.json cannot be read"):
        read_chitchat(tmp_path)


def test_the_real_ratings_are_read_whole(data_home: Path) -> None:
    """All tweets and review sentences are there, on the scale of -1 to 1, with both signs."""
    ratings = read_ratings(fetch_package(RATINGS, data_home))
    assert [sum(r.domain == domain for r in ratings) for domain in ("tweets", "reviews")] == [4200, 3708]
    polarity = np.array([rating.polarity for rating in ratings])
    assert -1 <= polarity.min() < -0.8
    assert 0.8 < polarity.max() <= 1
    assert not any("&amp;" in rating.text for rating in ratings)


async def test_a_head_learned_from_the_ratings_tells_good_from_bad(data_home: Path) -> None:
    """Even words alone, without an encoder that knows their meaning, tell the mood of texts that were not learned."""
    ratings = read_ratings(fetch_package(RATINGS, data_home))
    head, quality = await fit_sentiment(HashEmbedder(dimensions=256), ratings)
    assert set(quality) == {"all", "tweets", "reviews"}
    assert quality["all"].texts == quality["tweets"].texts + quality["reviews"].texts
    assert quality["tweets"].pearson > 0.35
    assert (head.task, head.labels) == ("sentiment", ("polarity",))


def test_broken_ratings_are_told_in_two_lines(tmp_path: Path) -> None:
    """A missing or a changed archive is named, with what to do."""
    with pytest.raises(SetupError, match="cannot be read"):
        read_ratings(tmp_path)
    archive = tmp_path / "additional_resources" / "hutto_ICWSM_2014.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("other"), io.BytesIO())
    with pytest.raises(SetupError, match="tweets_GroundTruth"):
        read_ratings(tmp_path)
