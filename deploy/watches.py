"""Who looks at a worker's stream beside the profiles, as the settings have it."""

from collections.abc import Sequence

from ..continual.drift.judge import DriftJudge
from ..continual.drift.monitor import DriftOptions
from ..continual.drift.watch import DriftWatch
from ..inference.pool import EncoderPool
from ..stream.engine.observing import Watch
from ..stream.store.drift import RedisDriftStore
from ..stream.store.redis import RedisStore
from ..stream.trends.store import RedisTrendStore
from ..stream.trends.watch import TrendWatch
from ..stream.worker.status import process_name
from ..stream.worker.worker import Tell, Watches
from .settings import Settings

_REST_SECONDS = 0.01  # for events, while thresholds for a new encoder are found: a second in all


def drift_options(settings: Settings) -> DriftOptions:
    """How drift is watched."""
    return DriftOptions(reference=settings.drift_reference, examples=settings.drift_examples, rest=_REST_SECONDS)


def watches(settings: Settings) -> Watches:
    """Drift and trends, or nothing where `drift` is off."""

    def make(store: RedisStore, encoders: EncoderPool, tell: Tell) -> Sequence[Watch]:
        if not settings.drift:
            return ()
        shared = RedisDriftStore(store.client)
        judge = DriftJudge(shared, tell, ask_encoder=encoders.embed_anew, options=drift_options(settings))
        trends = TrendWatch(RedisTrendStore(store.client), tell, segment=settings.trend_segment)
        return DriftWatch(process_name(), shared, judge), trends

    return make
