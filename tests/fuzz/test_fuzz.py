"""Fuzzing itself: that it runs, gives the same for the same seed, and would see a decoder that is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from profilestream.schemas import codec
from profilestream.schemas.errors import BadRecordError
from profilestream.schemas.events import UserEvent
from profilestream.schemas.wire import Wire
from tests.fuzz.judge import READ, REASONS, Judge
from tests.fuzz.mutations import LONGEST, Mutator
from tests.fuzz.originals import IDS, Registry, originals

EVENT = UserEvent(id="e", user="ann", type="click", time=1_700_000_000_000)


def test_twenty_thousand_messages_are_accounted_for(tmp_path: Path) -> None:
    """No mutated message crashes the decoder, hangs it or goes missing; `make fuzz` does the same with a million."""
    pytest.importorskip("atheris", reason="atheris has no wheel for this platform")
    report = tmp_path / "fuzz.json"
    command = [sys.executable, "-m", "tests.fuzz", "--messages", "20000", "--seed", "7", "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)

    assert done.returncode == 0, done.stdout
    figures = json.loads(report.read_text())
    assert figures["accounted"] == 20_000
    assert {READ, "undecodable", "unknown_schema", "not_avro"} <= figures["outcomes"].keys() <= REASONS | {READ}


def test_originals_are_good() -> None:
    """The mutations begin with messages that are read; the one of a schema that contains itself is refused."""
    wire = Wire(Registry(), doubt=0.0)
    outcomes = [{Judge(wire, kind)(message) for kind in IDS} for message in originals()]
    assert [READ in outcome for outcome in outcomes] == [True] * (len(outcomes) - 1) + [False]


def test_mutations_repeat() -> None:
    """The same seed gives the same message, so that a failure can be shown again."""
    mutate = Mutator(originals(), lambda data, _: data[::-1])
    messages = [mutate(b"", seed) for seed in range(500)]
    assert messages == [mutate(b"", seed) for seed in range(500)]
    assert len(set(messages)) > 400
    assert max(map(len, messages)) <= LONGEST


class Broken(Wire):
    """A decoder with a fault."""

    def __init__(self, fault: object) -> None:
        super().__init__()
        self._fault = fault

    def decode(self, kind, value):  # noqa: ARG002 (a fault needs no reason)
        """What the fault says."""
        if isinstance(self._fault, Exception):
            raise self._fault
        return self._fault


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (KeyError("name"), KeyError),
        (BadRecordError("no such reason", "x"), AssertionError),  # type: ignore[arg-type]
        (UserEvent(id=5, user="ann", type="click", time=1), AssertionError),  # type: ignore[arg-type]
        (UserEvent(id="e", user="\ud800", type="click", time=1), AssertionError),
    ],
    ids=["another error", "unknown reason", "wrong type", "text that is no text"],
)
def test_broken_decoder_is_seen(fault: object, seen: type[Exception]) -> None:
    """Fuzzing would fail with a decoder that raises something else, or reads what can never be written."""
    with pytest.raises(seen):
        Judge(Broken(fault), UserEvent)(codec.encode(EVENT))
