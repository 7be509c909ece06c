"""Every strategy, on a small encoder and a small language: what the interface promises, and what each is known for."""

import numpy as np
import pytest
import torch

from profilestream.continual.strategies.registry import STRATEGIES, build
from profilestream.continual.strategies.strategy import Strategy, StrategyOptions, Task
from profilestream.continual.strategies.tuned import NEVER, distillation, only
from profilestream.continual.training.options import TrainingOptions
from profilestream.continual.training.tower import base_for
from profilestream.inference.encoder import Encoder
from profilestream.schemas.errors import ConfigurationError

LETTERS = ("ab", "cd", "ef", "gh", "ij", "kl")
TRAINING = TrainingOptions(layers=1, epochs=6, batch=8, learning_rate=2e-3)
OPTIONS = StrategyOptions(training=TRAINING, buffer=12, features=32, joint_epochs=6)


def task(number: int, texts: int = 8) -> Task:
    """Two labels, each with texts of letters of its own."""
    random = np.random.default_rng(number)
    labels = [LETTERS[2 * number + row % 2] for row in range(2 * texts)]
    return Task(
        name=f"task {number}", texts=["".join(random.choice(list(label), 6)) for label in labels], labels=labels
    )


TASKS = [task(0), task(1), task(2)]
TOGETHER = Task(name="all", texts=[t for x in TASKS for t in x.texts], labels=[t for x in TASKS for t in x.labels])


def quiet(_done: int, _total: int) -> None:
    """Tell nobody."""


def learned(name: str, encoder: Encoder, options: StrategyOptions = OPTIONS) -> Strategy:
    """After all tasks."""
    strategy = build(name, base_for(encoder, options.training), options)
    for each in [TOGETHER] if name == "joint" else TASKS:
        strategy.learn(each, quiet)
    return strategy


def accuracy(strategy: Strategy, on: Task) -> float:
    """Share of right answers."""
    return float(np.mean([a == b for a, b in zip(strategy.predict(on.texts), on.labels, strict=True)]))


@pytest.fixture(scope="module")
def all_learned(tiny_encoder: Encoder) -> dict[str, Strategy]:
    """Each strategy after all tasks."""
    return {name: learned(name, tiny_encoder) for name in STRATEGIES}


@pytest.mark.parametrize("name", STRATEGIES)
def test_it_knows_every_label_and_its_latest_task(name: str, all_learned) -> None:
    """Scores have a finite column for each label, and what was learned last is known."""
    strategy = all_learned[name]
    scores = strategy.scores(TOGETHER.texts)
    assert set(strategy.labels) == set(LETTERS)
    assert scores.shape == (48, 6)
    assert np.isfinite(scores).all()
    assert accuracy(strategy, TASKS[-1]) > 0.8


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_run_can_be_repeated(name: str, tiny_encoder: Encoder, all_learned) -> None:
    """The same seed gives the same scores, to the last bit."""
    again = learned(name, tiny_encoder)
    assert np.array_equal(again.scores(TOGETHER.texts), all_learned[name].scores(TOGETHER.texts))


def test_naive_forgets_and_replay_does_not(all_learned) -> None:
    """The sanity check of continual learning: without replay the first task is lost, with it, it is kept."""
    assert accuracy(all_learned["naive"], TASKS[0]) < 0.7
    for name in ("joint", "er", "er_ace", "derpp", "ours", "frozen_ridge"):
        assert accuracy(all_learned[name], TASKS[0]) > accuracy(all_learned["naive"], TASKS[0])
    assert accuracy(all_learned["ours"], TOGETHER) > 0.8


@pytest.mark.parametrize("name", ["er", "er_ace", "derpp", "ours"])
def test_no_more_is_kept_than_allowed(name: str, all_learned) -> None:
    """The buffer is bounded, and what is in it has what the model made of it."""
    items = all_learned[name].buffer.items()
    assert len(items) == OPTIONS.buffer
    assert all(item.embedding.shape == (32,) and len(item.logits) in {2, 4, 6} for item in items)


@pytest.mark.parametrize("name", ["naive", "joint", "ewc", "lwf", "frozen_lda", "frozen_ridge"])
def test_strategies_without_replay_keep_no_text(name: str, all_learned) -> None:
    """What is compared with replay has none."""
    assert len(getattr(all_learned[name], "buffer", ())) == 0


@pytest.mark.parametrize("tuning", ["head", "lora", "all"])
def test_ours_works_with_every_way_of_tuning(tuning, tiny_encoder: Encoder) -> None:
    """The loss is the same; what it may change differs."""
    training = TrainingOptions(tuning=tuning, layers=1, rank=2, epochs=2, batch=8, learning_rate=1e-3)
    ours = learned("ours", tiny_encoder, StrategyOptions(training=training, buffer=12, features=32))
    before = tiny_encoder.embed(TOGETHER.texts)
    moved = np.abs(ours.network.tower.embed(TOGETHER.texts) - before).max()
    assert (moved > 1e-4) == (tuning != "head")
    assert accuracy(ours, TASKS[-1]) > 0.6


def test_embedding_distillation_holds_the_encoder(tiny_encoder: Encoder) -> None:
    """With a heavier weight the embeddings stay nearer to the champion's."""
    champion = tiny_encoder.embed(TOGETHER.texts)

    def drift(weight: float) -> float:
        ours = learned(
            "ours", tiny_encoder, StrategyOptions(training=TRAINING, buffer=12, features=8, embedding=weight)
        )
        return float((1 - (ours.network.tower.embed(TOGETHER.texts) * champion).sum(1)).mean())

    assert drift(100.0) < drift(0.0) / 2


def test_a_label_can_come_again_in_a_later_task(tiny_encoder: Encoder) -> None:
    """More texts of a known label teach it further, and give it no second row."""
    strategy = build("ours", base_for(tiny_encoder, TRAINING), OPTIONS)
    for each in (TASKS[0], TASKS[1], TASKS[0]):
        strategy.learn(each, quiet)
    assert strategy.labels == ("ab", "cd", "ef", "gh")
    assert strategy.scores(["ab"]).shape == (1, 4)


def test_an_unknown_strategy_is_refused(tiny_encoder: Encoder) -> None:
    """The message names those that there are."""
    with pytest.raises(ConfigurationError, match="er_ace"):
        build("hope", base_for(tiny_encoder, TRAINING), OPTIONS)


def test_distillation_is_nothing_where_nothing_changed() -> None:
    """The teacher's own logits cost nothing, others do, and labels that it did not know do not count."""
    teacher = torch.tensor([[1.0, 2.0, NEVER]])
    assert distillation(torch.tensor([[1.0, 2.0, 9.0]]), teacher, 2.0).item() == pytest.approx(0.0, abs=1e-6)
    assert distillation(torch.tensor([[2.0, 1.0, 0.0]]), teacher, 2.0).item() > 0.1


def test_only_leaves_the_others_out_of_the_race() -> None:
    """Gradients of masked labels are nothing: that is what keeps old labels' rows where they are."""
    logits = torch.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    torch.nn.functional.cross_entropy(only(logits, torch.tensor([1, 2])), torch.tensor([2])).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] == 0.0
    assert (logits.grad[0, 1:] != 0).all()
