"""Made-up texts: no two alike, so that no cache helps, and of a fixed number of words."""

import json
import random
from collections.abc import Iterator
from pathlib import Path


def vocabulary(tokenizer: Path) -> list[str]:
    """Whole words of the encoder's own vocabulary: each is one token, so lengths in tokens are known."""
    entries = json.loads(tokenizer.read_bytes())["model"]["vocab"]
    return sorted(word for word in entries if word.isascii() and word.isalpha() and len(word) > 2)


def distinct_texts(words: list[str], *, count: int, length: int, seed: int) -> Iterator[str]:
    """`count` texts of `length` words; other seeds give other texts."""
    draw = random.Random(seed)  # noqa: S311 (not a secret)
    for number in range(count):
        # The number makes it distinct even where the words are not.
        yield " ".join([*draw.choices(words, k=length - 1), str(seed * 10_000_000 + number)])
