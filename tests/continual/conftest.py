"""A small encoder for the tests of training."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from profilestream.inference.encoder import Encoder, load_encoder
from tests.inference.conftest import tiny_source

__all__ = ["tiny_source"]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Products this small are slower on two threads than on one, and far slower where others use the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_encoder(tiny_source: Path) -> Encoder:
    """A BERT with two small layers, random weights and letters for words."""
    return load_encoder(tiny_source)
