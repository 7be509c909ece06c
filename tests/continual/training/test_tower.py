"""The tuned part of an encoder, and the frozen part below it."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from profilestream.continual.training.base import FrozenBase
from profilestream.continual.training.options import TrainingOptions
from profilestream.continual.training.tower import Tower, base_for
from profilestream.inference.encoder import Encoder
from profilestream.schemas.errors import ConfigurationError

TEXTS = ["a b c", "hello there, how are you?", "x", "the last one is the longest of them all"]
TUNINGS = ("head", "top", "lora", "all")


def tower(encoder: Encoder, tuning, **options) -> Tower:
    """With one layer as the top."""
    chosen = TrainingOptions(tuning=tuning, layers=1, rank=2, **options)
    return Tower(base_for(encoder, chosen), chosen)


def step(trained: Tower) -> None:
    """Change everything that can be."""
    optimiser = torch.optim.SGD(trained.tuned(), lr=0.5)
    for _ in range(2):  # LoRA's first step moves one of its two matrices only
        optimiser.zero_grad()
        trained.embed_batch(TEXTS)[:, :3].sum().backward()
        optimiser.step()


@pytest.mark.parametrize("tuning", TUNINGS)
def test_untrained_it_is_the_encoder(tiny_encoder: Encoder, tuning) -> None:
    """Split into two, in batches of other lengths and padded differently, an encoder gives the same embeddings."""
    many = [text[: 1 + number % len(text)] for number, text in enumerate(10 * TEXTS)]
    expected = np.concatenate([tiny_encoder.embed([text]) for text in many])
    untrained = tower(tiny_encoder, tuning)
    assert_allclose(untrained.embed(many), expected, atol=2e-6)
    assert_allclose(untrained.embed_batch(many).detach().numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("tuning", ["top", "lora", "all"])
def test_what_was_trained_is_in_the_encoder_for_export(tiny_encoder: Encoder, tuning) -> None:
    """The whole encoder embeds as the trained tower does, and the champion stays as it was."""
    before = tiny_encoder.embed(TEXTS)
    trained = tower(tiny_encoder, tuning)
    step(trained)
    after = trained.embed(TEXTS)
    assert np.abs(after - before).max() > 1e-3
    assert_allclose(trained.encoder().embed(TEXTS), after, atol=2e-5)
    assert_allclose(tiny_encoder.embed(TEXTS), before, atol=0)


def test_each_way_of_tuning_changes_its_own_part(tiny_encoder: Encoder) -> None:
    """The head changes nothing of the encoder; LoRA less than the top; all more."""
    sizes = [sum(weight.numel() for weight in tower(tiny_encoder, tuning).tuned()) for tuning in TUNINGS]
    head, top, lora, everything = sizes
    assert head == 0 < lora < top < everything


def test_a_tower_is_repeatable(tiny_encoder: Encoder) -> None:
    """LoRA's random beginning comes from the seed, and leaves torch's own generator alone."""
    state = torch.random.get_rng_state()
    one, other = tower(tiny_encoder, "lora", seed=3), tower(tiny_encoder, "lora", seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_the_base_remembers_no_more_than_it_may(tiny_encoder: Encoder) -> None:
    """Old texts are run again and give the same; a batch larger than the memory works too."""
    small, large = FrozenBase(tiny_encoder, 1, remembered=2), FrozenBase(tiny_encoder, 1)
    for texts in (TEXTS, TEXTS[:1], TEXTS[1:3], TEXTS):
        for found, expected in zip(small.batch(texts), large.batch(texts), strict=True):
            torch.testing.assert_close(found, expected)


def test_more_layers_than_there_are_is_refused(tiny_encoder: Encoder) -> None:
    """A base of seven layers needs an encoder of as many."""
    with pytest.raises(ConfigurationError, match="2 layers"):
        FrozenBase(tiny_encoder, 7)
