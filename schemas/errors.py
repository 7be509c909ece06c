"""Every error that profilestream raises on purpose, in one tree.

A message is one or two lines for the person who meets it: what is wrong, and what to do.

    ProfilestreamError
    ├── BadRecordError            one message is rubbish: it goes to dead-letters, the stream goes on
    ├── UnavailableError          a service does not answer: wait and try again, nothing is dropped
    │   ├── BrokerUnavailableError
    │   ├── StoreUnavailableError
    │   ├── InferenceUnavailableError
    │   └── RegistryUnavailableError
    ├── LostWritesError           the store forgot what it had acknowledged: read again from its watermarks
    ├── FencedError               another worker owns our partitions now: stop, without writing anything more
    ├── StuckError                a worker has work and makes no progress: end it, and start another
    ├── ConfigurationError        a setting or an option is wrong
    ├── SetupError                something that must be there is not: a server, a package, disk space, a port
    └── ArtefactError             a model file is missing, truncated or does not match its checksum
"""

from typing import Literal

Reason = Literal[
    "not_avro",
    "unknown_schema",
    "undecodable",
    "unencodable",
    "empty_user",
    "missing_id",
    "id_too_long",
    "key_mismatch",
    "time_out_of_range",
    "not_a_number",
    "missing_text",
    "text_too_long",
    "tombstone",
]


class ProfilestreamError(Exception):
    """Base of all errors raised on purpose."""


class BadRecordError(ProfilestreamError):
    """A message that can never be applied.

    Args:
        reason: A short name from a fixed set: the label in metrics and in the dead letter.
        detail: What exactly was wrong, without the user's text.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class UnavailableError(ProfilestreamError):
    """A service does not answer; the same call may work later."""


class BrokerUnavailableError(UnavailableError):
    """Kafka does not answer."""


class StoreUnavailableError(UnavailableError):
    """Redis does not answer."""


class InferenceUnavailableError(UnavailableError):
    """Triton does not answer, or not in time."""


class RegistryUnavailableError(UnavailableError):
    """The schema registry does not answer, or not as one."""


class LostWritesError(ProfilestreamError):
    """The store is not in the life in which we began: writes that it acknowledged may be gone."""


class FencedError(ProfilestreamError):
    """Another worker owns our partitions now, and the broker takes nothing more from us."""


class StuckError(ProfilestreamError):
    """There is work, and no progress."""


class ConfigurationError(ProfilestreamError):
    """A setting or an option is wrong."""


class SetupError(ProfilestreamError):
    """Something that must be there before we can start is not."""


class ArtefactError(ProfilestreamError):
    """A model file is missing, truncated or not the one that its manifest describes."""
