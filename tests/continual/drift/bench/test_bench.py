"""The bench on a small made-up world: it notices what changes, and reports what it promises."""

import json
from dataclasses import replace

import numpy as np
import pytest

from profilestream.continual.drift.bench.data import Texts, read_texts, scenes
from profilestream.continual.drift.bench.ours import Ours
from profilestream.continual.drift.bench.peers import RiverPeer, first_after
from profilestream.continual.drift.bench.picture import draw
from profilestream.continual.drift.bench.run import CHANGES, bench
from profilestream.continual.drift.bench.streams import SHARES, Cast
from profilestream.continual.drift.bench.tuning import domains, rank, tune
from profilestream.continual.drift.monitor import DriftOptions
from profilestream.inference.hashing import HashEmbedder
from profilestream.schemas.errors import ConfigurationError

OPTIONS = DriftOptions(reference=2000, draws=2000)


@pytest.fixture(scope="module")
def world():
    """Three domains of 10 intents, each a direction with some noise."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(30, 48))
    intents = np.repeat(np.arange(30), 240)
    vectors = centres[intents] + 0.6 * random.normal(size=(len(intents), 48))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    domains = np.array(["a", "b", "c"])[intents // 10]
    texts = tuple(f"intent {intent} text {n}" for n, intent in enumerate(intents))
    return Texts(texts, np.array([f"i{i}" for i in intents]), domains, vectors.astype(np.float32))


def test_the_new_domain_is_in_nothing_that_was_fitted(world):
    """Reference and stream share no text, and neither has one that codebook or head were fitted on."""
    scene = next(scenes(world, "abc", 0))
    cast = Cast.draw(scene, OPTIONS.reference, 1)
    assert not set(cast.reference) & set(cast.rest)
    assert set(world.domains[scene.known]) == {"b", "c"}
    assert set(world.domains[scene.new]) == {"a"}
    assert set(scene.head.labels) == {f"i{i}" for i in range(10, 30)}


@pytest.mark.parametrize(("change", "kind"), [("20", "content"), ("labels", "labels"), ("encoder", "model")])
def test_changes_are_noticed_and_named(world, change, kind):
    """A fifth of new texts, wrong labels and another encoder are each told as what they are."""
    cast = Cast.draw(next(scenes(world, "abc", 0)), OPTIONS.reference, 1)
    delay, said = Ours(cast, OPTIONS).changed(cast.changed(change, 750), change)
    assert said == kind
    assert 0 < delay <= 1000


def test_the_figures_are_what_was_promised(world, tmp_path):
    """Keys for programs, a picture for people; an absent peer says why."""
    from river.drift import ADWIN

    done = []
    peers = {"river ADWIN": RiverPeer(ADWIN), "other": "absent: not installed"}
    result = bench(
        scenes(world, "abc", 0),
        "abc",
        replace(OPTIONS, step=250),
        peers,
        repeats=1,
        seed=0,
        progress=lambda *at: done.append(at),
    )
    figures = json.loads(json.dumps(result.as_dict()))
    assert done[-1] == (3, 3)
    for one in (figures, figures["peers"]["river ADWIN"]):
        assert set(one["power"]) == {str(share) for share in SHARES}
        assert all(0 <= power <= 1 for power in one["power"].values())
        assert one.keys() >= {"false_alarms_per_10k", "microseconds_per_event", "milliseconds_per_check"}
    assert figures["power"]["20"] == 1.0
    assert figures["domains"] == ["a", "b", "c"]
    assert figures["streams"] == 3 * len(CHANGES)
    assert figures["peers"]["other"] == {"absent": "absent: not installed"}
    draw(result, tmp_path / "power.png")
    assert (tmp_path / "power.png").read_bytes()[:4] == b"\x89PNG"


def test_options_are_chosen_on_other_domains_than_those_that_judge_them(world):
    """The halves share no domain; the best options raise false alarms rarely, then notice most."""
    chosen, held_out = domains(world, "tuned"), domains(world, "held-out")
    assert not set(chosen) & set(held_out)
    assert sorted(chosen + held_out) == domains(world, "all")
    deaf, good = replace(OPTIONS, level=1e-9, draws=200), replace(OPTIONS, step=250)
    tried = tune(world, [deaf, good], repeats=1, seed=0, progress=lambda: None)
    assert tried[0].result.domains == tuple(chosen)
    assert rank(tried[0]) >= rank(tried[1])


def test_an_alarm_before_the_change_is_no_success(world):
    """Only the first alarm within 1,000 texts after the change counts."""
    stream = Cast.draw(next(scenes(world, "abc", 0)), OPTIONS.reference, 1).changed("5", 750)
    assert first_after([10, 700], stream) is None
    assert first_after([10, 760, 900], stream) == 11


async def test_embeddings_are_computed_once(tmp_path):
    """The second run reads them; a folder without the data says so."""
    folder = tmp_path / "clinc"
    folder.mkdir()
    rows = [[f"text {n}", "pay"] for n in range(20)]
    (folder / "data_full.json").write_text(json.dumps({"train": rows, "val": [], "test": []}))
    (folder / "domains.json").write_text(json.dumps({"banking": ["pay"]}))
    told = []
    first = await read_texts(folder, HashEmbedder(), tmp_path / "cache", lambda *at: told.append(at))
    again = await read_texts(folder, HashEmbedder(), tmp_path / "cache", lambda *at: told.append(at))
    assert told == [(20, 20)]
    np.testing.assert_array_equal(first.embeddings, again.embeddings)
    with pytest.raises(ConfigurationError, match="CLINC150"):
        await read_texts(tmp_path, HashEmbedder(), tmp_path / "cache", lambda *at: told.append(at))
