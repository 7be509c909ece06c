"""Mutations that know what Avro is: declared lengths, union branches, headers, texts; and those of libFuzzer.

Blind changes alone would seldom get behind a header, and libFuzzer's guidance by coverage sees nothing of a decoder
that is compiled: with it alone, all messages were shorter than 60 bytes after a while.
"""

import random
from collections.abc import Callable, Sequence

LENGTHS = (0, 1, -1, 63, 64, 2**31 - 1, -(2**31), 2**32, 2**40, 2**62, 2**63 - 1, -(2**63))
TEXTS = (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\x00", b"\xe2\x80\xae", b"\xe2\x82")
LONGEST = 64 * 1024

Mutate = Callable[[bytes, int], bytes]


class Mutator:
    """Makes a message out of good ones.

    Args:
        originals: The good ones.
        blind: libFuzzer's own mutation of bytes up to a length.
    """

    def __init__(self, originals: Sequence[bytes], blind: Mutate) -> None:
        self._originals = originals
        self._blind = blind
        self._ways = (
            self._cut,
            self._longer,
            self._repeat,
            self._splice,
            self._number,
            self._text,
            self._head,
            self._bit,
            lambda _, data: self._blind(data, LONGEST),
        )

    def __call__(self, data: bytes, seed: int) -> bytes:
        """A new message, the same for the same arguments.

        Args:
            data: A message that led to something new, from the fuzzer.
            seed: Of every choice.
        """
        choices = random.Random(seed)
        if choices.random() < 0.8 or not data:
            data = choices.choice(self._originals)
        for _ in range(choices.choice((1, 1, 1, 1, 2, 4))):
            data = choices.choice(self._ways)(choices, data)[:LONGEST]
        return data

    def _cut(self, choices: random.Random, data: bytes) -> bytes:
        return data[: choices.randint(0, len(data))]

    def _longer(self, choices: random.Random, data: bytes) -> bytes:
        return data + choices.randbytes(choices.choice((1, 2, 100, 10_000)))

    def _repeat(self, choices: random.Random, data: bytes) -> bytes:
        start, end = sorted((choices.randint(0, len(data)), choices.randint(0, len(data))))
        return data[:end] + data[start:end] * choices.choice((1, 2, 50)) + data[end:]

    def _splice(self, choices: random.Random, data: bytes) -> bytes:
        other = choices.choice(self._originals)
        return data[: choices.randint(0, len(data))] + other[choices.randint(0, len(other)) :]

    def _number(self, choices: random.Random, data: bytes) -> bytes:
        """A declared length, count or union branch that cannot be true, in place of one byte."""
        position = choices.randint(0, len(data))
        return data[:position] + zigzag(choices.choice(LENGTHS)) + data[position + 1 :]

    def _text(self, choices: random.Random, data: bytes) -> bytes:
        """Bytes that are no UTF-8, or that people cannot see, over others: declared lengths stay true."""
        wrong = choices.choice(TEXTS)
        position = choices.randint(0, len(data))
        return data[:position] + wrong + data[position + len(wrong) :]

    def _head(self, choices: random.Random, data: bytes) -> bytes:
        """The header of another message, or a schema id that may or may not exist."""
        number = choices.choice((0, 1, 2, 5, 6, 7, 2**31))
        head = choices.choice((choices.choice(self._originals)[:10], b"\x00" + number.to_bytes(4, "big")))
        return head + data[len(head) :]

    def _bit(self, choices: random.Random, data: bytes) -> bytes:
        if not data:
            return data
        changed = bytearray(data)
        changed[choices.randrange(len(data))] ^= 1 << choices.randrange(8)
        return bytes(changed)


def zigzag(number: int) -> bytes:
    """A long as Avro writes it."""
    value = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
