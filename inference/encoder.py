"""Load a BERT-like sentence encoder into torch, from local files only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging as transformers_logging

from ..schemas.errors import ArtefactError, ConfigurationError
from .embedder import Embeddings

REQUIRED_FILES = ("config.json", "model.safetensors", "tokenizer.json")
OPTIONAL_FILES = ("1_Pooling/config.json", "sentence_bert_config.json")
_POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


class SentenceEncoder(nn.Module):
    """Token ids to one vector of unit length: the transformer, pooling and normalisation in one graph.

    As sentence-transformers does for all-MiniLM-L6-v2 (Reimers and Gurevych, EMNLP 2019): the mean of the token vectors
    under the attention mask, then L2 normalisation.

    Args:
        transformer: Called with ids, mask and token types; its result has `last_hidden_state`.
        pooling: `mean` of the tokens, or `cls` for the first one.
    """

    def __init__(self, transformer: nn.Module, pooling: str = "mean") -> None:
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings, shape (texts, dimensions), of ids and mask, both int64 of shape (texts, tokens)."""
        hidden: Tensor = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return nn.functional.normalize(self._pool(hidden, attention_mask), dim=-1)

    def _pool(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        if self.pooling == "cls":
            return hidden[:, 0]
        weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A loaded encoder with its tokenizer.

    Attributes:
        module: In evaluation mode, on the CPU, float32.
        tokenizer: Cuts at `max_tokens`, pads to the longest of a batch.
        dimensions: Length of an embedding.
        max_tokens: Longer texts are cut.
    """

    module: SentenceEncoder
    tokenizer: Tokenizer
    dimensions: int
    max_tokens: int

    def tokenise(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Ids and attention mask, both int64, shape (texts, tokens of the longest)."""
        encodings = self.tokenizer.encode_batch(list(texts))
        return torch.tensor([e.ids for e in encodings]), torch.tensor([e.attention_mask for e in encodings])

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings as float32, shape (len(texts), dimensions), in one batch: the reference for all other ways."""
        rows: Embeddings = self.module(*self.tokenise(texts)).numpy()
        return rows


def load_encoder(source: Path) -> Encoder:
    """Load an encoder from a folder in the layout of sentence-transformers.

    Args:
        source: Holds `config.json`, `model.safetensors` and `tokenizer.json`, and perhaps `1_Pooling/config.json` and
            `sentence_bert_config.json`. Nothing is downloaded and no code of the folder runs.

    Raises:
        ConfigurationError: It is not such a folder, or asks for a pooling other than mean or cls.
        ArtefactError: A file in it is damaged.
    """
    check_source(source)
    pooling = _pooling(source)
    transformers_logging.disable_progress_bar()
    try:
        transformer = AutoModel.from_pretrained(
            source, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
        tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    except SafetensorError as error:
        raise ArtefactError(f"{source / 'model.safetensors'} is damaged: {error}.\nFetch the encoder again.") from error
    except Exception as error:  # transformers and tokenizers raise whatever they like
        raise ArtefactError(f"{source} does not load as an encoder: {str(error).splitlines()[0]}") from error
    max_tokens = _max_tokens(source, transformer.config.max_position_embeddings)
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding(length=None)
    return Encoder(
        module=SentenceEncoder(transformer, pooling).eval(),
        tokenizer=tokenizer,
        dimensions=transformer.config.hidden_size,
        max_tokens=max_tokens,
    )


def check_source(source: Path) -> None:
    """Refuse a folder that cannot be an encoder.

    Raises:
        ConfigurationError: A required file is not there; the message names it.
    """
    for name in REQUIRED_FILES:
        if not (source / name).is_file():
            raise ConfigurationError(
                f"{source} is not an encoder: it has no {name}.\n"
                "Give a folder with config.json, model.safetensors (pickled weights are refused) and tokenizer.json."
            )


def _pooling(source: Path) -> str:
    modes = [name for name, chosen in _read(source / "1_Pooling" / "config.json").items() if chosen is True]
    modes = [name for name in modes if name.startswith("pooling_mode_")] or ["pooling_mode_mean_tokens"]
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise ConfigurationError(
            f"{source} pools by {', '.join(modes)}: only the mean of the tokens, or cls, is supported."
        )
    return _POOLINGS[modes[0]]


def _max_tokens(source: Path, positions: int) -> int:
    return min(int(_read(source / "sentence_bert_config.json").get("max_seq_length") or positions), positions)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise ArtefactError(f"{path} is not JSON: {error}.\nFetch the encoder again.") from error
    return content
