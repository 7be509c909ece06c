"""Which encoder answers for whom: the one word that all workers follow."""

import json
from dataclasses import dataclass
from hashlib import blake2b

from ..schemas.errors import ArtefactError

POINTER = "pointer"
"""Its name in a store of models."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Who is the champion, and which share of the users tries the candidate.

    Attributes:
        generation: Grows with every change of the registry that it was made from.
        champion: The encoder that answers.
        canary: The encoder that answers for some users; None: for nobody.
        share: Of the users that it answers for, 0 to 1.
    """

    generation: int
    champion: str
    canary: str | None = None
    share: float = 0.0

    def to_bytes(self) -> bytes:
        """JSON."""
        fields = {
            "generation": self.generation,
            "champion": self.champion,
            "canary": self.canary,
            "share": self.share,
        }
        return json.dumps(fields).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Pointer":
        """Read what `to_bytes` wrote.

        Raises:
            ArtefactError: It is something else.
        """
        try:
            fields = json.loads(data)
            canary = fields["canary"]
            return cls(
                int(fields["generation"]),
                str(fields["champion"]),
                None if canary is None else str(canary),
                float(fields["share"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ArtefactError("the pointer to the encoder is damaged: run `profilestream models resume`") from error


def chosen(user: str, candidate: str, share: float) -> bool:
    """Whether a user is among the share that tries a candidate.

    By a hash of both: always the same answer, in every worker; a larger share keeps those of a smaller one; another
    candidate gets other users.
    """
    digest = blake2b(f"{candidate}\0{user}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64
