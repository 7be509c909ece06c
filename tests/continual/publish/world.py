"""Small encoders that need no torch, and a publisher's surroundings made of twins."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from profilestream.continual.publish.bundle import Bundle
from profilestream.continual.publish.publisher import Publisher, PublishOptions
from profilestream.continual.publish.registry import ModelRegistry
from profilestream.inference.artefacts import write_file
from profilestream.inference.codebook import Codebook
from profilestream.inference.control import LocalModels
from profilestream.inference.heads import Head
from profilestream.inference.pointer import POINTER, Pointer
from profilestream.inference.prepare import Report, fingerprint
from profilestream.inference.repository import ModelFiles, ServingOptions, write_model
from profilestream.inference.spaces import SpaceMap
from profilestream.schemas.errors import BrokerUnavailableError
from profilestream.schemas.events import ModelEvent
from profilestream.stream.store.models import MemoryModelStore

DIMENSIONS, RANK, CODES = 16, 8, 12
LABELS = ("cats", "dogs", "trains")
BASE = "encoder-v1"
TEXTS = [f"text {word} of a {word[::-1]}" for word in ("cat", "dog", "train", "house", "zebra", "x", "parcel", "late")]


def write_source(folder: Path, seed: int) -> Path:
    """A fine-tuned "encoder": the mean of random vectors for letters, as ONNX already."""
    tokenizer = Tokenizer(models.WordLevel({chr(n): n - 31 for n in range(32, 127)} | {"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    table = np.random.default_rng(0).normal(size=(96, DIMENSIONS))
    table += 0.1 * np.random.default_rng(seed).normal(size=table.shape)
    onnx.save(_graph(table.astype(np.float32)), folder / "model.onnx")
    (folder / "config.json").write_text(f'{{"seed": {seed}}}')
    return folder


def _graph(table: np.ndarray) -> onnx.ModelProto:
    axes = numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")
    last = numpy_helper.from_array(np.array([-1], dtype=np.int64), "last")
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["letters"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["weights"]),
        helper.make_node("Mul", ["letters", "weights"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "axes"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["sentence_embedding"], axis=-1, p=2),
    ]
    shape = ["texts", "tokens"]
    graph = helper.make_graph(
        nodes,
        "letters",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["texts", DIMENSIONS])],
        [numpy_helper.from_array(table, "table"), axes, last],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def copy_export(source: Path, repository: Path, name: str, report: Report) -> None:
    """What stands for the export here: the source is ONNX already."""
    report(f"copying {name}")
    files = ModelFiles(
        onnx=source / "model.onnx",
        tokenizer=source / "tokenizer.json",
        dimensions=DIMENSIONS,
        max_tokens=64,
        precision="fp32",
        cosine=1.0,
        source=fingerprint(source),
        versions={},
    )
    write_model(repository, name, files, ServingOptions(threads=1))


def bundle(
    encoder: str, *, champion: str = BASE, labels: tuple[str, ...] = LABELS, dimensions: int = DIMENSIONS
) -> Bundle:
    """What goes with an encoder; the same for all but for the name."""
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(CODES, dimensions)).astype(np.float32)
    weights = {
        "interest": rng.normal(size=(len(labels), dimensions)) * 5,
        "sentiment": rng.normal(size=(1, dimensions)),
    }
    heads = tuple(
        Head(
            task=task,
            version=1,
            encoder=encoder,
            labels=labels if task == "interest" else ("polarity",),
            weights=rows.astype(np.float32),
            bias=np.zeros(len(rows), np.float32),
        )
        for task, rows in weights.items()
    )
    eye = np.eye(RANK, dtype=np.float32)
    ways = () if encoder == champion else ((champion, encoder), (encoder, champion))
    return Bundle(
        codebook=Codebook(
            encoder=encoder,
            seed=0,
            codes=codes / np.linalg.norm(codes, axis=1, keepdims=True),
            projection=np.linalg.qr(rng.normal(size=(dimensions, RANK)))[0].T.astype(np.float32),
        ),
        heads=heads,
        maps=tuple(SpaceMap(source=a, target=b, matrix=eye, penalty=0.1, anchors=10) for a, b in ways),
    )


@dataclass
class MemoryAnnouncer:
    """Remembers what was told; a broker that is away when it is told so."""

    told: list[ModelEvent] = field(default_factory=list)
    away: bool = False

    async def announce(self, event: ModelEvent) -> None:
        """See Announcer."""
        if self.away:
            raise BrokerUnavailableError("told to be away")
        self.told.append(event)

    @property
    def states(self) -> list[tuple[str, str]]:
        """Model and state, in order."""
        return [(event.name, event.properties["state"]) for event in self.told]


@dataclass
class World:
    """A deployment with its first encoder prepared and in use."""

    folder: Path
    server: object = None
    store: MemoryModelStore = field(default_factory=MemoryModelStore)
    announcer: MemoryAnnouncer = field(default_factory=MemoryAnnouncer)
    options: PublishOptions = field(default_factory=PublishOptions)
    clock: Callable[[], int] = field(default_factory=lambda: count(1_000_000).__next__)

    def __post_init__(self) -> None:
        self.repository.mkdir(parents=True, exist_ok=True)
        self.server = self.server or LocalModels(self.repository)

    @property
    def repository(self) -> Path:
        """Triton's."""
        return self.folder / "models"

    @property
    def registry(self) -> ModelRegistry:
        """As another process would open it."""
        return ModelRegistry(self.folder / "registry")

    async def prepare(self) -> "World":
        """As `profilestream prepare --publish` leaves it."""
        copy_export(self.source(1), self.repository, BASE, lambda _: None)
        for name, data in bundle(BASE).artefacts().items():
            if not name.startswith("release/"):
                await self.store.put(name, data)
        return self

    def source(self, seed: int) -> Path:
        """The folder of a fine-tune."""
        folder = self.folder / "sources" / str(seed)
        return folder if folder.exists() else write_source(folder, seed)

    def publisher(self, **changes: object) -> Publisher:
        """A new one, as after a restart."""
        parts = {
            "registry": self.registry,
            "repository": self.repository,
            "server": self.server,
            "store": self.store,
            "announcer": self.announcer,
            "base": BASE,
            "options": self.options,
            "export": copy_export,
            "clock": self.clock,
        }
        return Publisher(**{**parts, **changes})  # type: ignore[arg-type]

    async def staged(self, publisher: Publisher | None = None, seed: int = 2) -> str:
        """A candidate that passed the shadow; its name."""
        publisher = publisher or self.publisher()
        champion = (await publisher.champion()).name
        name = (await publisher.write(self.source(seed))).name
        await publisher.equip(name, bundle(name, champion=champion))
        await publisher.load(name)
        await publisher.warm(name)
        await publisher.shadow(name, live(8))
        return name

    async def pointer(self) -> Pointer | None:
        """What workers follow."""
        data = await self.store.get(POINTER)
        return None if data is None else Pointer.from_bytes(data)


async def live(batches: int):
    """Batches of texts, as from the stream."""
    for _ in range(batches):
        yield TEXTS


def damage(path: Path) -> None:
    """Cut the last byte off."""
    write_file(path, path.read_bytes()[:-1])
