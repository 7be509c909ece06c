"""What every buffer has to do, whatever it chooses by."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profilestream.continual.buffer.base import Limits
from profilestream.schemas.errors import ArtefactError, ConfigurationError
from tests.continual.buffer.buffers import BUFFERS, ids, item

CAME = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from("abc"), st.sampled_from(["ada", "bob", "eve"]), st.text(max_size=9)),
    max_size=60,
)
ITEMS = CAME.map(lambda rows: [item(str(n), label=label, user=user, text=text) for n, label, user, text in rows])


@pytest.fixture(params=BUFFERS, ids=lambda kind: kind.__name__)
def kind(request):
    """A class of buffers."""
    return request.param


def test_an_item_comes_back_as_it_went_in(kind, tmp_path: Path) -> None:
    """Training needs everything that was known when the text came in, after a restart too."""
    before = item("1", text="grüße 😀")
    with kind(tmp_path / "buffer.sqlite") as buffer:
        buffer.add([before])
    with kind(tmp_path / "buffer.sqlite") as buffer:
        (after,) = buffer.items()
    for name in ("id", "text", "label", "task", "user", "model", "time"):
        assert getattr(after, name) == getattr(before, name)
    np.testing.assert_array_equal(after.logits, before.logits)
    np.testing.assert_array_equal(after.embedding, before.embedding)


@pytest.mark.parametrize("kind", BUFFERS)
@settings(max_examples=30)
@given(items=ITEMS, most=st.integers(1, 12), size=st.integers(60, 900), per_user=st.integers(1, 6))
def test_no_limit_is_ever_exceeded(kind, items, most, size, per_user) -> None:
    """Whatever comes, items, bytes and each user's share stay within their bounds, and the totals are true."""
    buffer = kind(limits=Limits(items=most, bytes=size, per_user=per_user))
    for start in range(0, len(items), 7):
        buffer.add(items[start : start + 7])
        kept = buffer.items()
        assert len(buffer) == len(kept) <= most
        assert buffer.bytes == sum(each.size for each in kept) <= size
        assert all(count <= per_user for count in buffer.users().values())
    buffer.close()


@pytest.mark.parametrize("kind", BUFFERS)
@settings(max_examples=30)
@given(items=ITEMS)
def test_nothing_goes_without_need(kind, items) -> None:
    """Below its limits a buffer holds the latest of everything that came."""
    with kind(limits=Limits(items=100)) as buffer:
        buffer.add(items)
        assert {each.id: each.text for each in buffer.items()} == {each.id: each.text for each in items}


@pytest.mark.parametrize("kind", BUFFERS)
@settings(max_examples=30)
@given(items=ITEMS, user=st.sampled_from(["ada", "bob", "eve"]))
def test_removal_takes_one_user_and_nobody_else(kind, items, user) -> None:
    """A user who wants to be forgotten is; all others' items stay."""
    with kind(limits=Limits(items=20)) as buffer:
        buffer.add(items)
        others = {each.id for each in buffer.items() if each.user != user}
        count = buffer.users()[user]
        assert buffer.remove_user(user) == count
        assert ids(buffer) == others


def test_what_was_removed_is_not_in_the_file_either(kind, tmp_path: Path) -> None:
    """Erased means erased: not in a free page, and not in the log."""
    with kind(tmp_path / "buffer.sqlite") as buffer:
        buffer.add([item(str(n), user="ada", text=f"secret of ada {n}") for n in range(50)] + [item("x", user="bob")])
        buffer.remove_user("ada")
        assert not any(b"secret of ada" in file.read_bytes() for file in tmp_path.iterdir())
        assert ids(buffer) == {"x"}


def test_the_same_seed_keeps_and_samples_the_same(kind) -> None:
    """A training run can be repeated; another seed keeps another choice."""
    items = [item(str(n), label=str(n % 3)) for n in range(200)]

    def kept(seed: int) -> tuple[set[str], list[str]]:
        with kind(limits=Limits(items=20), seed=seed) as buffer:
            buffer.add(items)
            return ids(buffer), [each.id for each in buffer.sample(8, np.random.default_rng(3))]

    assert kept(1) == kept(1)
    assert kept(1) != kept(2)


def test_a_sample_is_of_different_items(kind) -> None:
    """No item twice, and never more than there are."""
    with kind() as buffer:
        assert buffer.sample(4, np.random.default_rng(0)) == []
        buffer.add([item(str(n)) for n in range(6)])
        sample = buffer.sample(10, np.random.default_rng(0))
        assert {each.id for each in sample} == {str(n) for n in range(6)}
        assert len(sample) == 6


_WRITER = """
import sys
from pathlib import Path
from profilestream.continual.buffer.base import Limits
from profilestream.continual.buffer import balanced, reservoir
from profilestream.continual.buffer.item import Item
kind = getattr(balanced, sys.argv[2], None) or getattr(reservoir, sys.argv[2])
buffer = kind(Path(sys.argv[1]), limits=Limits(items=50))
for batch in range(100000):
    same = dict(text="t" * 99, task="t", user="u", model="m", time=0)
    buffer.add(Item(id=f"{batch}-{n}", label=str(n), **same) for n in range(10))
    print(batch, flush=True)
"""


def test_a_killed_writer_leaves_a_whole_buffer(kind, tmp_path: Path) -> None:
    """Killed in the middle of adding, the file opens, its totals are true, and it can be added to."""
    path = tmp_path / "buffer.sqlite"
    command = [sys.executable, "-c", _WRITER, str(path), kind.__name__]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(25):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    with kind(path, limits=Limits(items=50)) as buffer:
        kept = buffer.items()
        assert len(buffer) == len(kept) == 50
        assert buffer.bytes == sum(each.size for each in kept)
        buffer.add([item("later")])
        assert len(buffer) == 50


def test_a_damaged_file_is_told(kind, tmp_path: Path) -> None:
    """Whoever meets a damaged buffer reads which file it is."""
    path = tmp_path / "buffer.sqlite"
    path.write_bytes(b"this is no database" * 99)
    with pytest.raises(ArtefactError, match=r"buffer\.sqlite"):
        kind(path)


def test_limits_of_nothing_are_refused(kind) -> None:
    """A buffer that can hold nothing is a mistake in a setting."""
    with pytest.raises(ConfigurationError):
        kind(limits=Limits(items=0))
