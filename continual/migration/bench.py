"""Three fine-tunes, one after the other: do migrated profiles find what re-embedded ones find?

Run it with `python -m profilestream.continual.migration.bench --data data_full.json --encoder FOLDER`.
Users like a few intents and write about them. Three times the encoder is fine-tuned on further intents, with other
texts than the users' (the strategy `ours`, as in an update job). Profiles are stored
as Redis stores them and carried over by the chain of three maps, fitted on texts as an update job has them: those it
trained on, and others. They are compared with profiles of which every text was embedded again by the last encoder,
under the codebook that moved along, and under one that was fitted anew.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...inference.codebook import Codebook, fit_codebook
from ...inference.encoder import Encoder, load_encoder
from ...inference.spaces import SpaceMap, Way, ways_to
from ...stream.profile.layout import Layout
from ...stream.profile.state import decode_states, encode_states
from ...stream.profile.table import ProfileTable
from ..update.tuning import TuningOptions, embed, tune
from .carry import coded_by, move_codebook
from .fit import choose_anchors, fit_map
from .people import People, draw_people, profiles_of, retrieved
from .recovery import mean_cosine

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """How large a bench.

    Attributes:
        rounds: How many fine-tunes.
        tuning: How, as in an update job.
        intents: How many of the data set's intents, in equal parts for each round.
        written: Texts of each intent that users may write.
        trained: Other texts of each intent that the encoder is fine-tuned on.
        found: Texts of each intent that are to be found.
        anchors: Texts that the maps are fitted on: those trained on first, then others of any intent.
        users: Simulated, for each number of interests.
        interests: How many intents a user likes.
        events: Texts that a user writes.
        seed: Of everything.
    """

    rounds: int = 3
    tuning: TuningOptions = field(default_factory=TuningOptions)
    intents: int = 60
    written: int = 20
    trained: int = 20
    found: int = 10
    anchors: int = 2_000
    users: int = 300
    interests: tuple[int, ...] = (3, 5)
    events: int = 30
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Texts:
    """What the bench reads: texts with the numbers of their intents, and anchors without."""

    written: list[str]
    written_labels: NDArray[np.int64]
    trained: list[str]
    trained_labels: NDArray[np.int64]
    found: list[str]
    found_labels: NDArray[np.int64]
    anchors: list[str]


def read_texts(data: Path, options: BenchOptions) -> Texts:
    """CLINC150's `data_full.json`: users write texts of `train`, and look for those of `val`."""
    content = json.loads(data.read_bytes())
    rng = np.random.default_rng(options.seed)
    chosen = rng.permutation(sorted({label for _, label in content["train"]}))[: options.intents].tolist()

    def some(split: str, start: int, each: int) -> tuple[list[str], NDArray[np.int64]]:
        of_intent = {label: [text for text, its in content[split] if its == label] for label in chosen}
        picked = [(text, n) for n, label in enumerate(chosen) for text in of_intent[label][start : start + each]]
        return [text for text, _ in picked], np.array([number for _, number in picked], dtype=np.int64)

    written, found = some("train", 0, options.written), some("val", 0, options.found)
    trained = some("train", options.written, options.trained)
    known = {*written[0], *found[0], *trained[0]}
    others = [text for text, _ in content["train"] if text not in known]
    anchors = trained[0] + choose_anchors(others, options.anchors - len(trained[0]), options.seed)
    return Texts(*written, *trained, *found, anchors[: options.anchors])


class _Spaces:
    """All texts in the space of each encoder: those that are written, those to be found, the anchors."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self.of: dict[str, tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]] = {}

    def add(self, name: str, encoder: Encoder) -> None:
        parts = (self._texts.written, self._texts.found, self._texts.anchors)
        written, found, anchors = (embed(encoder, part) for part in parts)
        self.of[name] = written, found, anchors


def run(encoder: Encoder, texts: Texts, options: BenchOptions, report: Report) -> dict[str, object]:
    """All of it; plain values, for JSON. Shares are fractions of 1."""
    began = time.monotonic()
    spaces, names = _Spaces(texts), [f"encoder-v{number + 1}" for number in range(options.rounds + 1)]
    report(f"embedding {len(texts.written) + len(texts.found) + len(texts.anchors)} texts with {names[0]}")
    spaces.add(names[0], encoder)
    for number, name in enumerate(names[1:]):
        report(f"fine-tune {number + 1} of {options.rounds}, {options.tuning.training.epochs} epochs")
        taught = texts.trained_labels * options.rounds // options.intents
        rows = np.flatnonzero(taught <= number)
        part = [texts.trained[row] for row in rows]
        labels = [str(label) for label in texts.trained_labels[rows]]
        encoder = tune(encoder, part, labels, taught[rows] == number, options.tuning)
        report(f"embedding them with {name}")
        spaces.add(name, encoder)
    return {
        "options": asdict(options),
        **compare(spaces.of, texts, options),
        "seconds": round(time.monotonic() - began, 1),
    }


def compare(
    spaces: dict[str, tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]],
    texts: Texts,
    options: BenchOptions,
) -> dict[str, object]:
    """Migrated, re-embedded and untouched profiles beside one another, for each number of interests."""
    names = list(spaces)
    written, _, anchors = spaces[names[0]]
    codebook = fit_codebook(np.concatenate([written, anchors]), encoder=names[0], seed=options.seed)
    maps, codebooks = _fit_chain(spaces, codebook)
    last_written, last_found, last_anchors = spaces[names[-1]]
    moved = codebooks[-1]
    fresh = fit_codebook(np.concatenate([last_written, last_anchors]), encoder=names[-1], seed=options.seed)
    fresh = replace(fresh, projection=codebook.projection)
    layout, items = Layout(dimensions=len(codebook.projection)), moved.project(last_found)
    ways = ways_to(names[-1], maps)
    results = []
    for interests in options.interests:
        people = draw_people(
            texts.written_labels, users=options.users, interests=interests, events=options.events, seed=options.seed
        )
        stored = _stored(_profiles(people, written, codebook, layout), names[0])
        ways_of_reading = {
            "re-embedded": _profiles(people, last_written, moved, layout),
            "re-embedded, new codebook": _profiles(people, last_written, fresh, layout),
            "migrated": decode_states(stored, layout, names[-1], ways),
            "untouched": decode_states(stored, layout, names[0]),
        }
        results.append({"interests": interests} | _judged(ways_of_reading, people, items, texts.found_labels))
    return {
        "maps": [{"from": m.source, "to": m.target, "penalty": m.penalty, **m.figures} for m in maps],
        "drift": {name: mean_cosine(written, rows[0]) for name, rows in spaces.items()},
        "chain_cosine": mean_cosine(_carried(written, codebook, ways[names[0]]), codebook.project(last_written)),
        "retrieval": results,
    }


def _fit_chain(
    spaces: dict[str, tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]], codebook: Codebook
) -> tuple[list[SpaceMap], list[Codebook]]:
    maps, codebooks, names = [], [codebook], list(spaces)
    for source, target in pairwise(names):
        before, after = spaces[source][2], spaces[target][2]
        whole = fit_map(before, after, source=source, target=target)
        coded = coded_by(codebooks[-1], before)
        project = codebook.project
        maps.append(fit_map(project(before), project(after), source=source, target=target, coded=coded))
        codebooks.append(move_codebook(codebooks[-1], whole))
    return maps, codebooks


def _carried(rows: NDArray[np.float32], codebook: Codebook, way: Way) -> NDArray[np.float64]:
    codes = codebook.assign(rows)[0].astype(np.int64)
    return way.carry_codes(codebook.project(rows).astype(np.float64), np.ones(len(rows)), codes)


def _profiles(people: People, rows: NDArray[np.float32], codebook: Codebook, layout: Layout) -> ProfileTable:
    return profiles_of(
        people, codebook.project(rows).astype(np.float64), codebook.assign(rows)[0].astype(np.int64), layout
    )


def _stored(table: ProfileTable, model: str) -> list[bytes]:
    """As Redis keeps them: vectors in float16, rounded stochastically."""
    return encode_states(table, model, np.arange(1, len(table) + 1, dtype=np.uint64))


def _judged(
    tables: dict[str, ProfileTable], people: People, items: NDArray[np.floating], labels: NDArray[np.int64]
) -> dict[str, object]:
    found = {name: retrieved(table, people, items.astype(np.float64), labels) for name, table in tables.items()}
    shares = {
        name: {"several": float(several.mean()), "one": float(one.mean())} for name, (several, one) in found.items()
    }
    exact, moved = shares["re-embedded"], shares["migrated"]
    return {**shares, "kept": {way: moved[way] / exact[way] for way in exact}}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures as JSON."""
    usual = BenchOptions()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="CLINC150's data_full.json")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of a BERT-like encoder")
    parser.add_argument("--intents", type=int, default=usual.intents)
    parser.add_argument("--embedding", type=float, default=usual.tuning.embedding, help="weight of the distillation")
    parser.add_argument("--seed", type=int, default=usual.seed)
    given = parser.parse_args(arguments)
    tuning = TuningOptions(embedding=given.embedding)
    options = BenchOptions(tuning=tuning, intents=given.intents, seed=given.seed)

    def report(line: str) -> None:
        sys.stderr.write(line + "\n")

    figures = run(load_encoder(given.encoder), read_texts(given.data, options), options, report)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
