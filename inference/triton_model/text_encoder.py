"""From bytes to unit vectors: tokenizers and ONNX Runtime, the same code inside Triton and in-process."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from .cores import usable_cores

# A token is rarely longer than this; cutting before tokenising keeps a text of 1 MB from costing a second.
CHARACTERS_PER_TOKEN = 32
_CPU = "CPUExecutionProvider"
# ONNX Runtime fuses a sum and the layer normalisation after it into one operator that goes value by value on CPUs: six
# times as slow as the two that it replaces, a sixth of all that short texts take.
_SLOW_ON_CPUS = ["SkipLayerNormFusion"]


class TextEncoder:
    """Tokenises, sorts by length, runs the model in sub-batches and puts the rows back in order.

    Each sub-batch runs on one core, several at a time. On two cores, short texts and all-MiniLM-L6-v2 in int8, that was
    1.1 to 2 times as fast as one sub-batch after the other on both cores.

    Args:
        folder: Holds `model.onnx` and `tokenizer.json`.
        max_tokens: Longer texts are cut.
        threads: Sub-batches at a time; 0 means as many as there are cores for us.
        token_budget: Padded tokens in one sub-batch.
        providers: ONNX Runtime's execution providers in order of preference; those not at hand are left out.
        device: Number of the GPU, where a GPU is used.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_tokens: int,
        threads: int,
        token_budget: int,
        providers: Sequence[str],
        device: int = 0,
    ) -> None:
        self._max_characters = max_tokens * CHARACTERS_PER_TOKEN
        self._token_budget = token_budget
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        at_hand = _at_hand(providers, device)
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"),
            options,
            providers=at_hand,
            disabled_optimizers=[] if at_hand and at_hand[0][0] != _CPU else _SLOW_ON_CPUS,
        )
        count = threads or usable_cores()
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="sub-batch")
        # A GPU has cores enough for all of a sub-batch; on CPUs, each sub-batch has one.
        self._shares = count if self._session.get_providers()[0] == _CPU else 1
        self.dimensions = int(self._session.get_outputs()[0].shape[-1])

    def encode(self, texts: Sequence[bytes]) -> NDArray[np.float32]:
        """Embeddings of unit length, shape (len(texts), dimensions); bytes that are not UTF-8 are replaced."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast([self._clip(text) for text in texts])]

        def fill(members: list[int]) -> None:
            rows[members] = self._run([ids[member] for member in members])

        lengths = [len(tokens) for tokens in ids]
        for _ in self._threads.map(fill, sub_batches(lengths, even_budget(lengths, self._token_budget, self._shares))):
            pass  # only to raise what a sub-batch raised
        return rows

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    def _clip(self, text: bytes) -> str:
        # A character is at most four bytes: the rest of a huge text is not even decoded.
        return text[: 4 * self._max_characters].decode("utf-8", "replace")[: self._max_characters]

    def _run(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        longest = max(map(len, ids))
        tokens = np.zeros((len(ids), longest), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, sequence in enumerate(ids):
            tokens[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
        result: NDArray[np.float32] = self._session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
        return result


def even_budget(lengths: Sequence[int], token_budget: int, threads: int) -> int:
    """The token budget by which threads have equal shares of a few texts, where the whole one would leave some idle.

    A share is no less than a quarter of the whole budget: in smaller ones a token costs a core up to twice as much.

    Args:
        lengths: Tokens of each text.
        token_budget: The most.
        threads: Sub-batches at a time.
    """
    tokens = sum(lengths)
    shares = threads * max(1, -(-tokens // (token_budget * threads)))
    # A share may be exceeded by a part of a text: without that room, padding would make one sub-batch more of it.
    even = -(-tokens // shares) + max(lengths, default=1) - 1
    return min(token_budget, max(even, -(-token_budget // 4)))


def sub_batches(lengths: Sequence[int], token_budget: int) -> Iterator[list[int]]:
    """Split texts into runs of similar length, so that little is spent on padding.

    Args:
        lengths: Tokens of each text.
        token_budget: Most padded tokens (texts times the longest) in a sub-batch; one text alone may exceed it.

    Yields:
        Indices into `lengths`, each exactly once; longest texts first, so that all cores finish together.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if batch and (len(batch) + 1) * lengths[batch[0]] > token_budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _at_hand(providers: Sequence[str], device: int) -> list[tuple[str, dict[str, str]]]:
    available = set(onnxruntime.get_available_providers())
    return [(name, {} if name == _CPU else {"device_id": str(device)}) for name in providers if name in available]
