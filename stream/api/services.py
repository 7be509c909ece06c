"""What the routers use, in one object."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from ...inference.models import ModelSet
from ..lookup import Lookup
from ..profile.layout import Layout
from ..store.base import ProfileStore
from ..store.drift import DriftStore
from ..store.models import ModelStore
from ..trends.store import TrendStore
from .answers import StreamHealth
from .feed import Feed
from .guard import Guard
from .hub import Hub
from .index import UserIndex
from .metrics import ApiMetrics
from .options import ApiOptions
from .publishing import Publishing, Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the API reads from.

    Attributes:
        store: Profiles.
        models: The models in use; raises ArtefactError while there are none.
        layout: The deployment's.
        health: The stream's health as of now.
        drift, trends: What workers found.
        artefacts: Models, and the report of the last training.
        publishing: The registry of encoders.
        timeline: What happened to models.
    """

    store: ProfileStore
    models: Callable[[], ModelSet]
    layout: Layout
    health: Callable[[], StreamHealth]
    drift: DriftStore
    trends: TrendStore
    artefacts: ModelStore
    publishing: Publishing = field(default_factory=Publishing)
    timeline: Timeline = field(default_factory=Timeline)


class Services:
    """Made once for an app.

    Args:
        options: Bounds and permissions.
        sources: What is read.
    """

    def __init__(self, options: ApiOptions, sources: Sources) -> None:
        self.options = options
        self.sources = sources
        self.metrics = ApiMetrics()
        self.guard = Guard(options)
        self.index = UserIndex(options.index_users, sources.layout.dimensions)
        self.hub = Hub(options.live_clients, options.live_users, self.metrics)
        self.feed = Feed(self.index, self.hub, self.metrics)

    @property
    def complete(self) -> bool:
        """Whether the index holds everyone."""
        return self.feed.caught_up.is_set() and not self.index.left_out

    def lookup(self) -> Lookup:
        """Reads profiles, with the models of now."""
        return Lookup(self.sources.store, self.sources.models(), self.sources.layout)


async def _services(request: Request) -> Services:  # not async, FastAPI would run it in a thread
    services: Services = request.app.state.services
    return services


Used = Annotated[Services, Depends(_services)]
