"""Texts as Triton gets them: bytes, each once, in requests of a bounded size."""

from collections.abc import Iterator, Sequence

MOST_TEXT_BYTES = 32_768
"""Of one text: the encoder reads some 256 tokens, and would throw away what comes later."""


def distinct(texts: Sequence[str], most_bytes: int) -> tuple[list[bytes], list[int]]:
    """Encode texts and remove duplicates.

    Args:
        texts: Any strings; a lone surrogate, which UTF-8 lacks, becomes `?`.
        most_bytes: Of one text; the rest is cut off. Half a character at the cut is replaced by the encoder.

    Returns:
        The distinct ones in order of first appearance, and for each text its index among them.
    """
    seen: dict[bytes, int] = {}
    encoded = (text[:most_bytes].encode("utf-8", "replace")[:most_bytes] for text in texts)
    indices = [seen.setdefault(text, len(seen)) for text in encoded]
    return list(seen), indices


def split(texts: Sequence[bytes], *, most_texts: int, most_bytes: int) -> Iterator[list[int]]:
    """Group texts of similar length into requests.

    Args:
        texts: Encoded texts.
        most_texts: In one request.
        most_bytes: In one request; a single longer text makes a request of its own.

    Yields:
        Indices into `texts`, each exactly once; shortest texts first, so that a long one does not hold up many.
    """
    request: list[int] = []
    size = 0
    for index in sorted(range(len(texts)), key=lambda index: len(texts[index])):
        if request and (len(request) == most_texts or size + len(texts[index]) > most_bytes):
            yield request
            request, size = [], 0
        request.append(index)
        size += len(texts[index])
    if request:
        yield request
