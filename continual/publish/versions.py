"""A version of the encoder, its states, and how it gets from one to another. Pure functions over frozen records."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from ...inference.pointer import Pointer
from ...schemas.errors import ConfigurationError

State = Literal["begun", "written", "loaded", "warm", "shadow", "canary", "champion", "previous", "retired", "refused"]

SERVED: tuple[State, ...] = ("loaded", "warm", "shadow", "canary", "champion", "previous")
"""States in which the inference server has the model."""

CANDIDATE: tuple[State, ...] = ("begun", "written", "loaded", "warm", "shadow", "canary")
"""States in which a version may still be refused."""

_WAYS: Mapping[State, tuple[State, ...]] = {
    "begun": ("written", "refused"),
    "written": ("loaded", "refused"),
    "loaded": ("warm", "refused"),
    "warm": ("shadow", "refused"),
    "shadow": ("canary", "champion", "refused"),
    "canary": ("champion", "refused"),
    "champion": ("previous",),
    "previous": ("champion", "retired"),
    "retired": (),
    "refused": (),
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Frozen):
    """When a version came into a state, in ms since 1970, and why."""

    state: State
    time: int
    reason: str = ""


class ModelVersion(_Frozen):
    """One encoder, from its first byte on disk to its end.

    Attributes:
        name: Of the model in the inference server, e.g. `encoder-v2`.
        state: Where it stands.
        source: SHA-256 by file name of the folder that it was made of.
        manifest: SHA-256 of its manifest, which has those of all its files; empty until it is written.
        history: All states that it was in, oldest first.
        checks: What was measured on the way: figures by the name of the check.
    """

    name: str
    state: State
    source: Mapping[str, str]
    manifest: str = ""
    history: tuple[Step, ...] = ()
    checks: Mapping[str, Mapping[str, float]] = {}

    @property
    def reason(self) -> str:
        """Why it is in this state; for a refused version, what was wrong with it."""
        return self.history[-1].reason if self.history else ""

    def moved(self, state: State, time: int, reason: str = "") -> Self:
        """The same version in another state.

        Raises:
            ConfigurationError: No way leads from here to there; the message says where it stands.
        """
        if state not in _WAYS[self.state]:
            because = f" ({self.reason})" if self.reason else ""
            raise ConfigurationError(f"{self.name} is {self.state}{because}: it cannot become {state} from there")
        steps = (*self.history, Step(state=state, time=time, reason=reason))
        return self.model_copy(update={"state": state, "history": steps})

    def with_check(self, name: str, figures: Mapping[str, float]) -> Self:
        """The same version, with what a check measured."""
        return self.model_copy(update={"checks": {**self.checks, name: dict(figures)}})


class Book(_Frozen):
    """All that the registry knows.

    Attributes:
        format: Of the file.
        generation: Grows with every change.
        announced: The generation that was announced last.
        champion: Who answers; None before the first.
        previous: Whom a rollback brings back.
        share: Of users whom the canary serves.
        versions: By name.
    """

    format: Literal[1] = 1
    generation: int = 0
    announced: int = 0
    champion: str | None = None
    previous: str | None = None
    share: float = 0.0
    versions: Mapping[str, ModelVersion] = {}

    def version(self, name: str) -> ModelVersion:
        """The version of this name.

        Raises:
            ConfigurationError: There is none.
        """
        if name not in self.versions:
            known = ", ".join(self.versions) or "none"
            raise ConfigurationError(f"there is no model {name} in the registry (there are: {known})")
        return self.versions[name]

    @property
    def canary(self) -> str | None:
        """The version that serves some users, if there is one."""
        return next((name for name, version in self.versions.items() if version.state == "canary"), None)

    @property
    def pointer(self) -> Pointer:
        """What workers follow.

        Raises:
            ConfigurationError: There is no champion yet.
        """
        if self.champion is None:
            raise ConfigurationError("no model was published yet: run `profilestream prepare --publish` first")
        return Pointer(self.generation, self.champion, self.canary, self.share if self.canary else 0.0)

    def with_version(self, version: ModelVersion) -> Self:
        """The same, with one version new or changed."""
        return self.model_copy(
            update={"generation": self.generation + 1, "versions": {**self.versions, version.name: version}}
        )

    def moved(self, name: str, state: State, time: int, reason: str = "") -> Self:
        """The same, with one version in another state.

        Raises:
            ConfigurationError: No way leads there.
        """
        return self.with_version(self.version(name).moved(state, time, reason))

    def with_champion(self, name: str, time: int, reason: str = "") -> Self:
        """Another version answers now; the one that did is the previous one.

        Raises:
            ConfigurationError: No way leads there.
        """
        after = self.moved(name, "champion", time, reason)
        if self.champion is not None:
            after = after.moved(self.champion, "previous", time, f"{name} took its place")
        return after.model_copy(update={"champion": name, "previous": self.champion})

    def with_first(self, version: ModelVersion, time: int) -> Self:
        """The same, with the encoder that answered before anything was published; unchanged where there is one."""
        if self.champion is not None:
            return self
        step = Step(state="champion", time=time, reason="in use before anything was published")
        first = version.model_copy(update={"state": "champion", "history": (step,)})
        return self.with_version(first).model_copy(update={"champion": version.name})

    def with_rollback(self, time: int, reason: str) -> Self:
        """The previous version answers again; going back once more is not offered.

        Raises:
            ConfigurationError: There is none.
        """
        if self.previous is None:
            raise ConfigurationError("there is no version to go back to: `profilestream models list` shows them")
        return self.with_champion(self.previous, time, reason).model_copy(update={"previous": None})

    def with_share(self, share: float) -> Self:
        """The same, with another share of the users for the canary."""
        return self.model_copy(update={"share": share, "generation": self.generation + 1})
