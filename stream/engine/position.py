"""Where to begin to read, when a partition is assigned."""


def resume_at(committed: int | None, watermark: int | None) -> int:
    """The offset from which nothing is missing in the stored profiles.

    Kafka remembers what was committed, the store how far its profiles are. A store that lost its last writes lost
    the watermark with them, so the lower of the two is right; what is in the profiles already is skipped by the
    offsets that they hold.

    Args:
        committed: The offset committed to Kafka; None where there is none yet.
        watermark: The store's (see `ProfileStore.save_watermarks`); None where there is none.
    """
    return min(committed or 0, watermark or 0)
