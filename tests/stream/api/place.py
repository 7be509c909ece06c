"""Where the API's tests take place: an engine over the twins, whose updates an API follows."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256

import httpx
import uvicorn

from profilestream.schemas.codec import decode_update
from profilestream.schemas.events import UserEvent
from profilestream.stream.api.answers import Sample, Service, StreamHealth
from profilestream.stream.api.app import create_app
from profilestream.stream.api.options import ApiOptions
from profilestream.stream.api.publishing import Publishing, Timeline
from profilestream.stream.api.services import Services, Sources
from profilestream.stream.api.tokens import Token
from profilestream.stream.store.drift import MemoryDriftStore
from profilestream.stream.store.memory import MemoryStore
from profilestream.stream.store.models import MemoryModelStore
from profilestream.stream.trends.store import MemoryTrendStore
from tests.stream.world import LAYOUT, NOW, World, small_models

READ, ADMIN = "read-token", "admin-token"
TOKENS = (
    Token("reader", "read", sha256(READ.encode()).digest()),
    Token("boss", "admin", sha256(ADMIN.encode()).digest()),
)
OPTIONS = ApiOptions(tokens=TOKENS, index_users=1000, live_seconds=0.05, rate=1e6)


def bearer(token: str = READ) -> dict[str, str]:
    """The header of a request."""
    return {"Authorization": f"Bearer {token}"}


def well() -> StreamHealth:
    """A stream without trouble."""
    sample = Sample(time=NOW, events_per_second=123.0, lag=4)
    return StreamHealth(
        time=NOW,
        state="ok",
        events_per_second=123.0,
        lag=4,
        workers=[],
        partitions=6,
        services={name: Service(up=True, since=NOW, detail=None) for name in ("kafka", "redis", "triton")},
        samples=[sample],
    )


@dataclass
class Place:
    """An API beside an engine."""

    options: ApiOptions = OPTIONS
    publishing: Publishing = field(default_factory=Publishing)
    world: World = field(default_factory=World)
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.world = replace(self.world, store=self.store)
        self.health = well()
        self.timeline = Timeline()
        self.drift, self.trends, self.artefacts = MemoryDriftStore(), MemoryTrendStore(), MemoryModelStore()
        models = small_models(self.world.embedder)
        self.services = Services(
            self.options,
            Sources(
                store=self.store,
                models=lambda: models,
                layout=LAYOUT,
                health=lambda: self.health,
                drift=self.drift,
                trends=self.trends,
                artefacts=self.artefacts,
                publishing=self.publishing,
                timeline=self.timeline,
            ),
        )
        self.app = create_app(self.services)

    async def happen(self, *events: UserEvent) -> None:
        """These events are applied, and the API hears of it."""
        self.world.send(*events)
        await self.world.engine().run()
        await self.services.feed.take([decode_update(m.value) for m in self.world.log.messages("profile-updates")])
        self.services.feed.caught_up.set()

    def client(self, token: str | None = READ) -> httpx.AsyncClient:
        """Asks the app in this process."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://localhost", headers=bearer(token) if token else {}
        )


@asynccontextmanager
async def serving(place: Place) -> AsyncIterator[str]:
    """The address of a server, for as long as the block runs."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(place.app, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        place.services.hub.close()
        server.should_exit = True
        await serving
