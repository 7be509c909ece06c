"""What goes with an encoder and is switched with it, whole: its codebook, its heads, its maps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ...inference.codebook import Codebook
from ...inference.heads import Head
from ...inference.names import codebook_name, head_name, map_name, release, release_name
from ...inference.spaces import SpaceMap
from ...schemas.errors import ArtefactError

_NEVER = -1e4  # the logit of a label that nothing was learned of: its likelihood underflows to 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """Everything that workers need of an encoder besides the encoder.

    Attributes:
        codebook: Its codes have the numbers of the champion's, so that stored interests keep their meaning.
        heads: At least those of the champion's tasks; their labels keep the ids that profiles hold.
        maps: From the champion's space into this one and back; others may be there, too.
    """

    codebook: Codebook
    heads: tuple[Head, ...]
    maps: tuple[SpaceMap, ...] = field(default=())

    @property
    def encoder(self) -> str:
        """Whose it is."""
        return self.codebook.encoder

    def artefacts(self) -> dict[str, bytes]:
        """All of it, by the names that a store keeps it under; last the release, which says that it is complete."""
        parts = {codebook_name(self.encoder): self.codebook.to_bytes()}
        parts |= {head_name(head.task, self.encoder): head.to_bytes() for head in self.heads}
        parts |= {map_name(item.source, item.target): item.to_bytes() for item in self.maps}
        return parts | {release_name(self.encoder): release([head.task for head in self.heads])}

    @classmethod
    def from_artefacts(cls, encoder: str, artefacts: Mapping[str, bytes]) -> "Bundle":
        """Read what `artefacts` gave.

        Raises:
            ArtefactError: The codebook is missing, or something is damaged.
        """
        if codebook_name(encoder) not in artefacts:
            raise ArtefactError(f"{encoder} has no codebook: publish it again")
        heads = [Head.from_bytes(data) for name, data in artefacts.items() if name.startswith(head_name("", encoder))]
        maps = [SpaceMap.from_bytes(data) for name, data in artefacts.items() if name.startswith("map/")]
        return cls(
            codebook=Codebook.from_bytes(artefacts[codebook_name(encoder)]), heads=tuple(heads), maps=tuple(maps)
        )

    def check(self, name: str, dimensions: int, champion: "Bundle") -> None:
        """Refuse what could not take the champion's place.

        Args:
            name: Of the encoder that it is to go with.
            dimensions: Of its embeddings.
            champion: What is in use, with its newest heads.

        Raises:
            ArtefactError: A part is missing, belongs to another encoder or has the wrong size; the message names it.
        """
        found = {self.encoder, *(head.encoder for head in self.heads)}
        if found != {name}:
            raise ArtefactError(f"codebook and heads of {name} were made for {', '.join(sorted(found - {name}))}")
        read = (head.features.dimensions if head.features else head.weights.shape[1] for head in self.heads)
        widths = {self.codebook.codes.shape[1], *read}
        if widths != {dimensions}:
            raise ArtefactError(f"codebook or heads of {name} read {sorted(widths)} dimensions, it has {dimensions}")
        for ours, theirs, what in (
            (self.codebook.projection.shape[0], champion.codebook.projection.shape[0], "stored dimensions"),
            (len(self.codebook.codes), len(champion.codebook.codes), "codes"),
        ):
            if ours != theirs:
                raise ArtefactError(f"the codebook of {name} has {ours} {what}, profiles have {theirs}")
        missing = {head.task for head in champion.heads} - {head.task for head in self.heads}
        if missing:
            raise ArtefactError(f"{name} has no head for {', '.join(sorted(missing))}: fit one on its embeddings")
        self.keeping_labels(champion.heads)
        self._check_maps(name, champion.encoder)

    def keeping_labels(self, heads: tuple[Head, ...]) -> "Bundle":
        """The same; labels that others know and we do not are appended, never to be told until we learn them.

        A label's id lies in stored profiles, so it has to mean the same under both encoders.

        Raises:
            ArtefactError: The same id stands for two labels.
        """
        known = {head.task: head.labels for head in heads}
        return replace(self, heads=tuple(_with_labels(head, known.get(head.task, ())) for head in self.heads))

    def _check_maps(self, name: str, champion: str) -> None:
        rank = self.codebook.projection.shape[0]
        there = {(item.source, item.target): item.matrix.shape for item in self.maps}
        codes = len(self.codebook.codes)
        if any(len(item.steps) not in (0, codes) for item in self.maps):
            raise ArtefactError(f"the maps of {name} need a step for each of {codes} codes, or none: fit them again")
        for way in ((champion, name), (name, champion)):
            if there.get(way) != (rank, rank):
                raise ArtefactError(
                    f"{name} needs a map of {rank} by {rank} from {way[0]} to {way[1]}: stored profiles move with it"
                )


def _with_labels(head: Head, known: tuple[str, ...]) -> Head:
    if head.labels[: len(known)] == known[: len(head.labels)]:
        more = known[len(head.labels) :]
        return replace(
            head,
            labels=head.labels + more,
            weights=np.pad(head.weights, ((0, len(more)), (0, 0))),
            bias=np.pad(head.bias, (0, len(more)), constant_values=np.float32(_NEVER)),
        )
    raise ArtefactError(
        f"the {head.task} head of {head.encoder} numbers its labels otherwise than profiles do: fit it with their order"
    )
