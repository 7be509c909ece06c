"""Others doing the same work, each in a process and, where it needs packages, in an environment of its own.

The same events from the same broker, the same encoder in the same Triton, the same profiles by compare-and-set in the
same Redis, the same updates in Avro, acknowledged after the work (at least once). What an event does to a profile is
`work.py`, our own functions, for all of them: what is compared is how each framework brings events to that work, in the
way its documentation shows, with batches wherever it offers them. The top of each file says why it is fair.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One of them.

    Attributes:
        title: As people call it.
        module: Which program here.
        pins: What it needs beside our own packages; nothing where these are enough.
        java: Whether it needs Java, and a connector.
        ours_first: Whether packages that both have are to be ours: its own are too old for our functions.
    """

    title: str
    module: str
    pins: Sequence[str] = ()
    java: bool = False
    ours_first: bool = False


# protobuf: the Triton client is generated with 6.33.
PEERS = {
    "aiokafka": Peer(title="aiokafka, batches", module="bare_aiokafka"),
    "faust": Peer(title="Faust agent, per event", module="faust_agent"),
    "faststream": Peer(title="FastStream, batches", module="faststream_app", pins=("faststream[kafka]==0.7.8",)),
    "quix": Peer(title="Quix Streams", module="quix_app", pins=("quixstreams==3.28.1", "protobuf==6.33.5")),
    "bytewax": Peer(title="Bytewax, batches", module="bytewax_flow", pins=("bytewax[kafka]==0.21.1",)),
    "flink": Peer(title="PyFlink", module="flink_job", pins=("apache-flink==2.2.1",), java=True, ours_first=True),
}
