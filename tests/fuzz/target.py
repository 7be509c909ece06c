"""The process that is fuzzed: atheris (libFuzzer for Python) drives our mutations through the decoder.

It ends itself, without Python's own ending, so the report is written with the last message. A crash in compiled code, a
message that takes too long or too much memory ends it as well; libFuzzer then leaves the message in a file.
"""

import argparse
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import atheris

from profilestream.schemas import codec
from profilestream.schemas.events import UserEvent
from profilestream.schemas.wire import Wire

from .judge import Judge
from .mutations import LONGEST, Mutator
from .originals import IDS, RECORDS, Registry, originals

SECONDS_A_MESSAGE = 10


class Target:
    """Takes message after message, and writes the report with the last one.

    Args:
        messages: How many there will be.
        report: Where the figures go.
    """

    def __init__(self, messages: int, report: Path) -> None:
        wire = Wire(Registry(), doubt=0.0)
        self._judges = {kind: Judge(wire, kind) for kind in IDS}
        # Each message goes to the topic that its header is of, so that most get behind the header.
        self._by_header = {codec.encode(record)[:10]: type(record) for record in RECORDS}
        self._by_header |= {b"\x00" + number.to_bytes(4, "big"): kind for kind, number in IDS.items()}
        self._messages = messages
        self._report = report
        self._outcomes: Counter[str] = Counter()
        self._bytes = 0
        self._begun = time.monotonic()
        self._memory = memory()

    def __call__(self, message: bytes) -> None:
        """Judge a message."""
        kind = self._by_header.get(message[:10]) or self._by_header.get(message[:5]) or UserEvent
        self._outcomes[self._judges[kind](message)] += 1
        self._bytes += len(message)
        if self._outcomes.total() == self._messages:
            self._write()

    def _write(self) -> None:
        seconds = time.monotonic() - self._begun
        figures = {
            "messages": self._outcomes.total(),
            "outcomes": dict(self._outcomes.most_common()),
            "mean_bytes": round(self._bytes / self._messages, 1),
            "seconds": round(seconds, 1),
            "messages_per_second": round(self._messages / seconds),
            "memory_at_start_mb": self._memory,
            "peak_memory_mb": memory(),
        }
        self._report.write_text(json.dumps(figures))


def memory() -> int:
    """The most memory that this process has had so far, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20


def main() -> None:
    """Fuzz until the number of messages is reached."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--memory", type=int, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    mutate = Mutator(originals(), lambda data, longest: bytes(atheris.Mutate(data, longest)))
    options = [
        f"-runs={given.messages}",
        f"-seed={given.seed}",
        f"-max_len={LONGEST}",
        f"-timeout={SECONDS_A_MESSAGE}",
        f"-rss_limit_mb={given.memory}",
        f"-artifact_prefix={given.folder}/",
        "-len_control=0",
        "-verbosity=0",
    ]
    for function in (codec._read, codec.MappingCodec.decode, codec.MappingCodec.decode_foreign, Wire.decode):
        atheris.instrument_func(function)
    atheris.Setup(
        [sys.argv[0], *options],
        Target(given.messages, given.report),
        custom_mutator=lambda data, _longest, seed: mutate(data, seed),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
