"""The topic that is held back until half-way."""

from profilestream.deploy.demo.datasets import Conversation, Message, Selection, select
from profilestream.deploy.demo.newcomer import chunks, newcomer


def conversation(number: int, topic: str, begin: int, messages: int = 8) -> Conversation:
    """Long messages of one person, a second apart."""
    written = (
        Message(
            f"c{number}/{n}", f"user{number % 3}", 1000 * (begin + n), f"these are eight words about {topic} here {n}"
        )
        for n in range(messages)
    )
    return Conversation(f"c{number}", topic, tuple(written))


def chat() -> list[Conversation]:
    """Cats and dogs all the time; cars long ago, and again at the end."""
    topics = ["cars"] * 30 + ["cats", "dogs"] * 30 + ["cars", "cats", "dogs"] * 10
    return [conversation(number, topic, 10 * number) for number, topic in enumerate(topics)]


def in_halves() -> tuple[Selection, list[Conversation]]:
    """The last 400 messages, in whose first half nobody speaks of cars."""
    conversations = chat()
    return select(conversations, events=480, backlog=200), conversations


def test_the_topic_is_one_that_comes_up_late() -> None:
    """Nobody speaks of it in the first half, many do in the second."""
    selection, conversations = in_halves()
    found = newcomer(selection, conversations)
    assert found.topic == "cars"
    topics = {item.id: item.topic for item in conversations}
    assert all(topics[event.item or ""] != "cars" for event in found.before.events)
    assert any(topics[event.item or ""] == "cars" for event in found.after.events)


def test_nothing_is_left_out_or_told_twice() -> None:
    """Both halves together are the stream, and every label is told once; the topic's not before half-way."""
    selection, conversations = in_halves()
    found = newcomer(selection, conversations)
    assert (*found.before.events, *found.after.events) == selection.events
    first = (*found.before.backlog, *found.before.feedback)
    told = [label.id for label in (*first, *found.told, *found.after.feedback)]
    assert sorted(told) == sorted(label.id for label in (*selection.backlog, *selection.feedback))
    assert found.told
    assert {label.label for label in found.told} == {"cars"}
    assert "cars" not in {label.label for label in first}


def test_one_message_is_enough() -> None:
    """The shortest stream has an empty first half."""
    conversations = chat()
    found = newcomer(select(conversations, events=1), conversations)
    assert (len(found.before.events), len(found.after.events)) == (0, 1)


def test_chunks_are_the_stream() -> None:
    """In order, none left out, the last one shorter."""
    selection, _ = in_halves()
    pieces = list(chunks(selection.stream(), 7))
    assert [record for piece in pieces for record in piece] == list(selection.stream())
    assert {len(piece) for piece in pieces[:-1]} == {7}
