"""What a server that died has to say: the one line of its log that a person needs."""

import re
from pathlib import Path

_TAIL_BYTES = 64 * 1024
_LONGEST = 300
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TROUBLE = re.compile(
    r"\berr\b|error|fatal|panic|exception|fail|cannot|can't|denied|unable|abort|no space|not found|invalid|\bbad\b",
    re.IGNORECASE,
)
_NOISE = re.compile(r"\s|at |note: |stack backtrace|\.\.\. \d+ more")  # the rest of a stack trace


def log_tail(log: Path) -> str:
    """The end of a log file without terminal colours; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return _COLOUR.sub("", file.read().decode(errors="replace"))
    except OSError:
        return ""


def last_words(tail: str) -> str:
    """The last line of a log that speaks of trouble, otherwise its last line."""
    lines = [line.rstrip() for line in tail.splitlines() if line.strip() and not _NOISE.match(line)]
    troubles = [line for line in lines if _TROUBLE.search(line)]
    return (troubles or lines or ["it said nothing"])[-1][:_LONGEST]
