"""From a folder with weights to the model that answers, and back, on the twins."""

from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

from profilestream.continual.publish.canary import CanaryLimits
from profilestream.continual.publish.publisher import PublishOptions
from profilestream.inference.heads import Head
from profilestream.inference.local import LocalEmbedder
from profilestream.inference.pointer import POINTER, Pointer
from profilestream.inference.pool import Served
from profilestream.schemas.errors import ArtefactError, ConfigurationError
from profilestream.stream.store.models import MemoryModelStore, head_name, load_release
from tests.continual.publish.world import BASE, LABELS, TEXTS, World, bundle, copy_export, damage, live

V2 = "encoder-v2"


@pytest.fixture
async def world(tmp_path: Path) -> World:
    """A deployment with its first encoder."""
    return await World(tmp_path).prepare()


async def test_a_candidate_becomes_the_champion_step_by_step(world: World) -> None:
    """Each state is stored and told; workers' pointer moves at the canary and at the promotion, never before."""
    publisher = world.publisher()
    assert await world.staged(publisher) == V2
    assert await world.pointer() is None
    await publisher.canary(V2, 0.1)
    pointer = await world.pointer()
    assert pointer
    assert (pointer.champion, pointer.canary, pointer.share) == (BASE, V2, 0.1)
    await publisher.promote(V2)
    pointer = await world.pointer()
    assert pointer
    assert (pointer.champion, pointer.canary) == (V2, None)
    assert [state for name, state in world.announcer.states if name == V2] == [
        *("written", "loaded", "warm", "shadow", "canary", "champion"),
    ]
    book = world.registry.book()
    assert {name: version.state for name, version in book.versions.items()} == {BASE: "previous", V2: "champion"}
    assert book.announced == book.generation
    assert (await load_release(world.store, V2)).encoder == V2


async def test_going_back_is_one_step_and_only_one(world: World) -> None:
    """The model before is still there and answers again; doing it twice does not bring the bad one back."""
    publisher = world.publisher()
    name = await world.staged(publisher)
    await publisher.promote(name)
    assert (await publisher.rollback("users complain")).name == BASE
    pointer = await world.pointer()
    assert pointer
    assert pointer.champion == BASE
    assert (world.repository / name).exists()
    with pytest.raises(ConfigurationError, match="no version to go back to"):
        await publisher.rollback()
    assert (await publisher.promote(name)).state == "champion"  # on purpose, it may come back


async def test_the_same_folder_is_not_published_twice(world: World) -> None:
    """An update job that was killed writes again what it wrote: one candidate comes of it."""
    first = await world.publisher().write(world.source(2))
    again = await world.publisher().write(world.source(2))
    assert first == again
    assert (await world.publisher().write(world.source(3))).name == "encoder-v3"


@pytest.mark.parametrize("name", ["1/model.onnx", "1/tokenizer.json", "config.pbtxt", "manifest.json"])
async def test_half_a_model_never_answers(world: World, name: str) -> None:
    """A file that changed after it was written: refused with its name, deleted, the champion untouched."""
    publisher = world.publisher()
    await publisher.champion()
    await publisher.write(world.source(2))
    await publisher.equip(V2, bundle(V2))
    damage(world.repository / V2 / name)
    version = await publisher.load(V2)
    assert version.state == "refused"
    assert name.rpartition("/")[2] in version.reason
    assert not (world.repository / V2).exists()
    assert world.registry.book().champion == BASE


async def test_an_export_that_is_not_faithful_is_refused(world: World) -> None:
    """The reason stays in the registry; the next attempt gets a new name."""

    def failing(*_: object) -> None:
        raise ArtefactError("differs from torch by 0.3")

    version = await world.publisher(export=failing).write(world.source(2))
    assert (version.state, version.reason) == ("refused", "differs from torch by 0.3")
    assert (await world.publisher().write(world.source(2))).name == "encoder-v3"


async def test_answers_must_be_those_of_the_exported_file(world: World) -> None:
    """A server that answers with another model's vectors, or in a broken precision, is found out before users."""

    class Mixed:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        async def connect(self, _: str) -> LocalEmbedder:
            return LocalEmbedder(world.repository / BASE)

    publisher = world.publisher(server=Mixed(world.server))
    await publisher.champion()
    await publisher.write(world.source(2))
    await publisher.equip(V2, bundle(V2))
    await publisher.load(V2)
    version = await publisher.warm(V2)
    assert version.state == "refused"
    assert "cosine" in version.reason


async def test_a_candidate_that_talks_nonsense_fails_in_the_shadow(world: World) -> None:
    """Its labels have nothing in common with the champion's: no user sees them."""
    publisher = world.publisher()
    await publisher.champion()
    await publisher.write(world.source(2))
    good = bundle(V2)
    scrambled = tuple(
        replace(h, weights=-h.weights, bias=h.bias + 9) if h.task == "interest" else h for h in good.heads
    )
    await publisher.equip(V2, replace(good, heads=scrambled))
    await publisher.load(V2)
    await publisher.warm(V2)
    version = await publisher.shadow(V2, live(8))
    assert version.state == "refused"
    assert "agrees with the champion on" in version.reason
    assert version.checks["shadow"]["texts"] == 8 * len(TEXTS)


async def test_without_texts_there_is_no_verdict(world: World) -> None:
    """A shadow that saw nothing is no pass."""
    publisher = world.publisher()
    await publisher.champion()
    await publisher.write(world.source(2))
    await publisher.equip(V2, bundle(V2))
    await publisher.load(V2)
    await publisher.warm(V2)
    assert "texts were compared" in (await publisher.shadow(V2, live(0))).reason


async def test_no_switch_without_heads(world: World) -> None:
    """An encoder without codebook and heads of its own cannot even be loaded, let alone promoted."""
    publisher = world.publisher()
    await publisher.champion()
    await publisher.write(world.source(2))
    with pytest.raises(ArtefactError, match="no codebook and heads"):
        await publisher.load(V2)
    for step in (publisher.warm, publisher.promote, lambda name: publisher.canary(name, 0.5)):
        with pytest.raises(ConfigurationError, match="written"):
            await step(V2)
    assert (await publisher.champion()).name == BASE


async def test_labels_learned_meanwhile_keep_their_ids(world: World) -> None:
    """The champion learned a label while the candidate was tried: stored ids of it must not become another's."""
    publisher = world.publisher()
    name = await world.staged(publisher)
    head = next(head for head in bundle(BASE, labels=(*LABELS, "ships")).heads if head.task == "interest")
    await world.store.put(head_name("interest", BASE), replace(head, version=2).to_bytes())
    await publisher.promote(name)
    stored = await world.store.get(head_name("interest", name))
    assert stored
    assert Head.from_bytes(stored).labels == (*LABELS, "ships")
    scores = Head.from_bytes(stored).scores(np.eye(16, dtype=np.float32))
    assert float(scores[:, -1].max()) == 0.0


async def test_labels_in_another_order_stop_a_promotion(world: World) -> None:
    """An id would stand for two labels."""
    publisher = world.publisher()
    await publisher.champion()
    await publisher.write(world.source(2))
    with pytest.raises(ArtefactError, match="numbers its labels otherwise"):
        await publisher.equip(V2, bundle(V2, labels=("dogs", "cats", "trains")))


async def test_a_refused_canary_gives_its_users_back(world: World) -> None:
    """Workers counted failures: the pointer no longer names it, and it is unloaded."""
    publisher = world.publisher()
    name = await world.staged(publisher)
    await publisher.canary(name, 0.2)
    fine = Served(calls=100, texts=1000, seconds=1.0)
    assert (await publisher.judge(name, {BASE: fine, name: fine})).state == "canary"
    bad = replace(fine, failures=7)
    version = await publisher.judge(name, {BASE: fine, name: bad})
    assert (version.state, version.reason) == ("refused", "canary: 7.0% of its calls failed")
    pointer = await world.pointer()
    assert pointer
    assert pointer.canary is None
    assert not (world.repository / name).exists()


async def test_one_canary_at_a_time(world: World) -> None:
    """Two candidates at once could not be told apart; one may be widened."""
    publisher = world.publisher()
    first, second = await world.staged(publisher), await world.staged(publisher, seed=3)
    await publisher.canary(first, 0.1)
    await publisher.canary(first, 0.5)
    pointer = await world.pointer()
    assert pointer
    assert pointer.share == 0.5
    with pytest.raises(ConfigurationError, match="promote or refuse it first"):
        await publisher.canary(second, 0.1)


async def test_old_versions_are_unloaded(world: World) -> None:
    """One previous version stays for a rollback; those before it give their memory and disk back."""
    publisher = world.publisher()
    for seed in (2, 3, 4):
        await publisher.promote(await world.staged(publisher, seed=seed))
    states = {name: version.state for name, version in world.registry.book().versions.items()}
    assert states == {BASE: "retired", V2: "retired", "encoder-v3": "previous", "encoder-v4": "champion"}
    # The first is what `prepare` makes: it would only export it again.
    assert sorted(path.name for path in world.repository.iterdir()) == [BASE, "encoder-v3", "encoder-v4"]
    await publisher.resume()
    assert (world.repository / BASE).exists()


async def test_kept_versions_can_be_promoted(world: World) -> None:
    """With `kept` more of them stay."""
    publisher = world.publisher(options=PublishOptions(kept=1))
    for seed in (2, 3):
        await publisher.promote(await world.staged(publisher, seed=seed))
    assert (await publisher.promote(BASE)).state == "champion"


async def test_redis_is_rebuilt_from_the_registry(world: World) -> None:
    """Redis lost everything: pointer and artefacts of the champion come back from the disk."""
    publisher = world.publisher()
    name = await world.staged(publisher)
    await publisher.promote(name)
    world.store = MemoryModelStore()
    await world.publisher().resume()
    pointer = await world.pointer()
    assert pointer
    assert pointer.champion == name
    assert sorted((await load_release(world.store, name)).heads) == ["interest", "sentiment"]
    assert BASE in (await load_release(world.store, name)).ways


async def test_a_newer_head_is_not_put_back(world: World) -> None:
    """The learner published a head after the promotion: `resume` leaves it."""
    publisher = world.publisher()
    name = await world.staged(publisher)
    await publisher.promote(name)
    newer = replace(next(h for h in bundle(name).heads if h.task == "interest"), version=7)
    await world.store.put(head_name("interest", name), newer.to_bytes())
    await publisher.resume()
    assert (await load_release(world.store, name)).heads["interest"].version == 7


async def test_going_back_needs_no_broker(world: World) -> None:
    """Kafka is away: the pointer goes back all the same, and the word of it is sent later."""
    publisher = world.publisher()
    await publisher.promote(await world.staged(publisher))
    world.announcer.away = True
    await publisher.rollback()
    pointer = await world.pointer()
    assert pointer
    assert pointer.champion == BASE
    world.announcer.away = False
    book = await publisher.resume()
    assert book.announced == book.generation
    assert world.announcer.told[-1].properties["champion"] == BASE


async def test_a_damaged_pointer_says_what_to_do(world: World) -> None:
    """Half a pointer is no pointer."""
    await world.store.put(POINTER, b'{"generation": 1')
    with pytest.raises(ArtefactError, match="profilestream models resume"):
        Pointer.from_bytes(await world.store.get(POINTER) or b"")


def test_export_in_the_tests_is_a_model(world: World, tmp_path: Path) -> None:
    """What the tests publish is loaded and answers like any other encoder."""
    copy_export(world.source(5), tmp_path / "models", "encoder-v9", lambda _: None)
    assert LocalEmbedder(tmp_path / "models" / "encoder-v9").dimensions == 16


@pytest.mark.parametrize("failures", [0, 3])
async def test_a_trial_lasts_until_workers_have_seen_enough(world: World, failures: int) -> None:
    """As calls come in they are judged: enough good ones, and it may be promoted; bad ones end it."""
    options = PublishOptions(canary=CanaryLimits(share=0.2, calls=30, seconds=600.0))
    publisher = world.publisher(options=options)
    name = await world.staged(publisher)
    looks = iter(range(10, 100, 10))

    async def served() -> dict[str, Served]:
        calls = next(looks)
        good = Served(calls=calls, texts=calls, seconds=0.001)
        return {BASE: good, name: replace(good, failures=failures if calls > 10 else 0)}

    version = await publisher.trial(name, served)
    assert version.state == ("refused" if failures else "canary")
    assert next(looks) == (30 if failures else 40)


async def test_a_trial_without_workers_ends(world: World) -> None:
    """Nobody asks for anything, so nothing speaks against it."""
    publisher = world.publisher(options=PublishOptions(canary=CanaryLimits(seconds=0.01)))
    name = await world.staged(publisher)

    async def served() -> dict[str, Served]:
        return {}

    assert (await publisher.trial(name, served)).state == "canary"
    assert (await publisher.promote(name)).state == "champion"


async def test_steps_may_be_repeated_after_the_promotion(world: World) -> None:
    """A job that was killed just after it goes through its steps again: nothing is done, nothing is wrong."""
    publisher = world.publisher()
    name = await world.staged(publisher)
    await publisher.promote(name)
    for version in (
        await publisher.write(world.source(2)),
        await publisher.load(name),
        await publisher.warm(name),
        await publisher.shadow(name, live(1)),
        await publisher.promote(name),
    ):
        assert (version.name, version.state) == (name, "champion")
    assert world.registry.book().previous == BASE


async def test_a_lost_registry_does_not_turn_workers_back(world: World, tmp_path: Path) -> None:
    """Whoever deleted the folder finds the encoder in use as the first one, not the one of the settings."""
    name = await world.staged()
    await world.publisher().promote(name)
    rmtree(world.registry.folder)
    assert (await world.publisher().champion()).name == name
    await world.publisher().resume()
    pointer = await world.pointer()
    assert pointer
    assert pointer.champion == name
