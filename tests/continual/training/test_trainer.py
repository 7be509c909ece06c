"""The training loop."""

from pathlib import Path

import pytest
import torch
from torch import nn

from profilestream.continual.training import checkpoint
from profilestream.continual.training.options import TrainingOptions
from profilestream.continual.training.schedule import rate_at
from profilestream.continual.training.trainer import Trainer
from profilestream.schemas.errors import ArtefactError, ConfigurationError

BATCHES = torch.randn(5, 8, 4, generator=torch.Generator().manual_seed(1))
OPTIONS = TrainingOptions(epochs=4, learning_rate=0.05, warm_up=0.2, checkpoint_steps=3, clip=0.5)


def model() -> nn.Module:
    """Always the same small network."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def trainer(net: nn.Module, options: TrainingOptions = OPTIONS, **kwargs) -> Trainer:
    """Learns the sum of squares, with a little noise from the step's generator."""

    def loss(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        noisy = batch + 0.01 * torch.randn(batch.shape, generator=generator)
        return ((net(noisy)[:, 0] - batch.square().sum(1)) ** 2).mean()

    groups = [{"params": list(net.parameters()), "lr": options.learning_rate}]
    return Trainer(net, groups, options, batches=lambda _epoch: list(BATCHES), **{"loss": loss, **kwargs})


def weights(net: nn.Module) -> torch.Tensor:
    """All in one row."""
    return nn.utils.parameters_to_vector(net.parameters()).detach()


def test_it_is_a_plain_loop() -> None:
    """AdamW, warm-up, decay and clipping written out by hand end in the same weights, to the last bit."""
    net, reference = model(), model()
    trainer(net, loss=lambda batch, _generator: ((net(batch)[:, 0] - 1) ** 2).mean()).run()
    optimiser = torch.optim.AdamW(reference.parameters(), weight_decay=OPTIONS.weight_decay)
    for step in range(20):
        for group in optimiser.param_groups:
            group["lr"] = 0.05 * ((step + 1) / 4 if step < 4 else (20 - step) / 16)
        loss = ((reference(BATCHES[step % 5])[:, 0] - 1) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reference.parameters(), 0.5)
        optimiser.step()
    assert torch.equal(weights(net), weights(reference))


@pytest.mark.parametrize("killed_at", [1, 3, 5, 7, 14, 19])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_killed_run_ends_where_another_does(killed_at: int, ema: float, tmp_path: Path) -> None:
    """Resumed from its last checkpoint, a run ends in the very weights of one that nobody killed."""
    options = TrainingOptions(epochs=4, learning_rate=0.05, checkpoint_steps=3, ema=ema)
    whole = model()
    trainer(whole, options, validate=lambda: 0.0).run()

    class KilledError(Exception):
        """Like a signal, between two steps."""

    def killer(done: int, _total: int) -> None:
        if done == killed_at:
            raise KilledError

    with pytest.raises(KilledError):
        trainer(model(), options, validate=lambda: 0.0, folder=tmp_path, report=killer).run()
    again, told = model(), []
    trainer(again, options, validate=lambda: 0.0, folder=tmp_path, report=lambda done, _total: told.append(done)).run()
    assert torch.equal(weights(again), weights(whole))
    assert told[0] == 1 + max(step for step in (0, 3, 5, 6, 9, 10, 12, 15, 18) if step < killed_at or step == 0)
    assert not list(tmp_path.iterdir())


def test_it_stops_early_and_keeps_the_best() -> None:
    """After two epochs without a better score it stops, with the weights of the best one."""
    net = model()
    scores, seen = iter([0.1, 0.5, 0.4, 0.3, 0.9]), []

    def validate() -> float:
        seen.append(weights(net).clone())
        return next(scores)

    options = TrainingOptions(epochs=5, learning_rate=0.05, patience=2)
    progress = trainer(net, options, validate=validate).run()
    assert len(seen) == 4
    assert progress["best"] == 0.5
    assert torch.equal(weights(net), seen[1])


def test_averaged_weights_are_the_running_mean() -> None:
    """EMA keeps the decayed mean of all weights, and gives it back in the end."""
    net, expected = model(), weights(model()).clone()
    options = TrainingOptions(epochs=2, learning_rate=0.05, ema=0.8)
    steps = trainer(net, options)

    def follow(_done: int, _total: int) -> None:
        expected.lerp_(weights(net), 0.2)

    steps.report = follow
    steps.run()
    torch.testing.assert_close(weights(net), expected)


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    """Weights are not spoiled by it, and whoever trains is told what to do."""
    net = model()
    before = weights(net).clone()
    with pytest.raises(ArtefactError, match="learning rate"):
        trainer(net, loss=lambda batch, _generator: net(batch).sum() * float("nan")).run()
    assert torch.equal(weights(net), before)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    """Weights of another shape are not loaded in silence."""
    other = nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(other.parameters())
    checkpoint.save(tmp_path / "checkpoint.safetensors", {"model": other}, optimiser, {"step": 1})
    with pytest.raises(ArtefactError, match="another model"):
        trainer(model(), folder=tmp_path).run()


def test_half_precision_trains_too() -> None:
    """In bfloat16 the products are coarser, and the loss still falls."""
    net, losses = model(), []

    class Told:
        def scalar(self, _name: str, value: float, _step: int) -> None:
            losses.append(value)

    options = TrainingOptions(epochs=20, learning_rate=0.05, precision="bfloat16")
    trainer(net, options, events=Told()).run()
    assert sum(losses[-5:]) < sum(losses[:5]) / 2


def test_tensorboard_gets_the_loss(tmp_path: Path) -> None:
    """A run can be watched."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from profilestream.continual.training.events import TensorBoard

    events = TensorBoard(tmp_path)
    trainer(model(), events=events).run()
    events.close()
    found = EventAccumulator(str(tmp_path)).Reload().Scalars("loss")
    assert [event.step for event in found] == list(range(20))


def test_the_rate_rises_falls_and_is_never_nothing() -> None:
    """Each step teaches something, the last of the warm-up most."""
    rates = [rate_at(step, 100, 0.1) for step in range(100)]
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert min(rates) > 0


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"learning_rate": 0.0}, {"warm_up": 1.0}, {"ema": 1.0}])
def test_options_that_cannot_train_are_refused(wrong) -> None:
    """Told when they are given, not after an hour."""
    with pytest.raises(ConfigurationError):
        TrainingOptions(**wrong)
