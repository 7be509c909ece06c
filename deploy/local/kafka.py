"""Apache Kafka 4 from a folder that the user has: one KRaft node on loopback that keeps its data."""

import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from .home import private_folder, unwritable
from .ports import LOOPBACK, free_port
from .probe import kafka_answers
from .process import Server

# Data formatted under one cluster id starts under no other, so a data folder of ours always has this one.
_CLUSTER_ID = "cHJvZmlsZXN0cmVhbQAAAA"

# $1: bin folder, $2: configuration, $3: data folder. Formatting takes a second, so only where it was not done.
_START = """
[ -f "$3/meta.properties" ] || "$1/kafka-storage.sh" format --standalone -t "$4" -c "$2" || exit 1
exec "$1/kafka-server-start.sh" "$2"
"""

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller}
listeners=PLAINTEXT://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
"""


def supported(kafka_home: Path) -> str | None:
    """Why Apache Kafka cannot run from that folder; None where it can."""
    for script in ("kafka-server-start.sh", "kafka-storage.sh"):
        if not os.access(kafka_home / "bin" / script, os.X_OK):
            return f"{kafka_home} is not a Kafka folder: it has no bin/{script} (unpack Apache Kafka 4 there)"
    java = os.environ.get("JAVA_HOME")
    if not (shutil.which("java") or (java and os.access(Path(java, "bin", "java"), os.X_OK))):
        return "Apache Kafka needs Java 17 or later: install it, or set JAVA_HOME"
    return None


def kafka(
    kafka_home: Path, folder: Path, more: Mapping[str, str] | None = None, ports: tuple[int, int] | None = None
) -> Server:
    """A broker on loopback; its address is a Kafka bootstrap server.

    Args:
        kafka_home: An unpacked Apache Kafka 4; nothing is written there.
        folder: Where its configuration, data and own logs are kept; formatted at the first start.
        more: Further properties of the broker.
        ports: Where broker and controller listen; free ports where it is None.

    Raises:
        SetupError: The folder cannot be written.
    """
    port, controller = ports or (free_port(), free_port())
    data = private_folder(folder / "data")
    properties = folder / "server.properties"
    text = _PROPERTIES.format(host=LOOPBACK, broker=port, controller=controller, data=str(data).replace("\\", "\\\\"))
    text += "".join(f"{name}={value}\n" for name, value in (more or {}).items())
    try:
        properties.write_text(text)
    except OSError as error:
        raise unwritable(properties, error) from error
    arguments = (str(kafka_home / "bin"), str(properties), str(data), _CLUSTER_ID)
    return Server(
        name="kafka",
        address=f"{LOOPBACK}:{port}",
        command=("/bin/sh", "-c", _START, "kafka", *arguments),
        ready=partial(kafka_answers, port),
        ports=(port, controller),
        environment={"KAFKA_HEAP_OPTS": "-Xmx384m", "LOG_DIR": str(folder / "logs")} | os.environ,
        start_within=90.0,
        stop_within=30.0,
    )
