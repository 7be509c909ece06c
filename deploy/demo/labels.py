"""Questions as short labels: "What would you do if you had a flying car?" is about a flying car."""

from functools import lru_cache

_WIDTH = 30
# Words that make a question or a sentence and say nothing of what it is about.
_EMPTY = frozenset(
    """what what's how who which where why when if would will could can do does did think is are was were be been
    you your you're it it's i there that the a an had have ever happen happens""".split()  # noqa: SIM905  readable
)
_JOINTS = frozenset({"in", "of", "to", "for", "on", "at", "about", "from", "with", "and", "or", "up", "not"})
"""Words that hold others together: not at an end."""


@lru_cache(maxsize=1024)
def short_label(label: str, width: int = _WIDTH) -> str:
    """What a label is about, in few words; a label that is short already stays as it is.

    Args:
        label: For example a question.
        width: At most so many characters; what is cut off ends with an ellipsis.
    """
    if len(label) <= width and not label.endswith("?"):
        return label
    clause = label.partition("(")[0].strip(" ?.!").split(",")[0]
    words = [word.strip(".") for word in clause.split() if word.lower().strip(".") not in _EMPTY]
    kept = _fitting(words, width)
    if not kept:
        return label if len(label) <= width else label[: width - 1] + "…"
    return " ".join(_trimmed(kept)) + ("…" if len(kept) < len(words) else "")


def _fitting(words: list[str], width: int) -> list[str]:
    while len(" ".join(words)) > width - 1:
        words = words[:-1]
    return words


def _trimmed(words: list[str]) -> list[str]:
    kept = list(words)
    while kept and kept[-1].lower() in _JOINTS:
        kept.pop()
    while kept and kept[0].lower() in _JOINTS:
        kept.pop(0)
    return kept or words
