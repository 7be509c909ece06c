"""Where the demo's sentiment head comes from: texts rated by people, not by a program.

The ground truth of VADER (Hutto & Gilbert, ICWSM 2014; in the sdist of `vaderSentiment`): 4,200 tweets and 3,708
sentences of product reviews, each rated by 20 people or more from -4 to 4. A ridge regression on embeddings learns the
mean rating. For comparison, on a third of them VADER 3.3.1 itself correlates at 0.88 with the tweets, which it was made
with, and at 0.57 with the reviews.
"""

import hashlib
import html
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...continual.ridge import Ridge, fit_ridge
from ...inference.embedder import Embedder, Embeddings
from ...inference.heads import Head
from ...schemas.errors import SetupError

PACKAGE = "vaderSentiment"
TASK = "sentiment"

_ARCHIVE = Path("additional_resources", "hutto_ICWSM_2014.tar.gz")
_FILES = {
    "tweets": "hutto_ICWSM_2014/tweets_GroundTruth.txt",
    "reviews": "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt",
}
_STRONGEST = 4.0  # ratings go from -4 to 4
_CLEAR = 0.25  # a mean rating of 1 or more, on the scale of -1 to 1: its sign means something
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Rating:
    """A text with the mean of its ratings, scaled to -1 to 1.

    Attributes:
        domain: `tweets` or `reviews`.
        document: What the text is a part of: sentences of one review stay on one side of a split.
    """

    domain: str
    document: str
    text: str
    polarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentQuality:
    """How well polarities of texts that were not learned from match the ratings.

    Attributes:
        pearson: Correlation with the mean rating.
        sign_accuracy: Share of right signs where the mean rating is at least 1 of 4.
        texts: How many were judged.
    """

    pearson: float
    sign_accuracy: float
    texts: int


def read_ratings(folder: Path) -> list[Rating]:
    """The rated texts of the sdist in `folder`.

    Raises:
        SetupError: A file is missing or is not what it should be.
    """
    archive = folder / _ARCHIVE
    ratings: list[Rating] = []
    try:
        with tarfile.open(archive) as tar:
            for domain, name in _FILES.items():
                with io.TextIOWrapper(tar.extractfile(name) or io.BytesIO(), "utf-8") as lines:
                    ratings += [_rating(domain, line.rstrip("\n")) for line in lines]
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise SetupError(f"{archive} cannot be read ({error!r}).\nRemove {folder} to have it fetched again.") from error
    return ratings


async def fit_sentiment(embedder: Embedder, ratings: list[Rating]) -> tuple[Head, dict[str, SentimentQuality]]:
    """A head learned from all ratings, and how good one learned from two thirds is on the others.

    Returns:
        The head, with the one label `polarity`; the quality by domain, and of `all`.
    """
    texts = [rating.text for rating in ratings]
    batches = [await embedder.embed(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]
    embeddings = np.concatenate(batches)
    targets = np.array([rating.polarity for rating in ratings])
    held_out = np.array([_is_held_out(rating) for rating in ratings])
    trial = _head(embedder.model, fit_ridge(embeddings[~held_out], targets[~held_out]))
    domains = np.array([rating.domain for rating in ratings])
    masks = {"all": held_out} | {str(domain): held_out & (domains == domain) for domain in np.unique(domains)}
    quality = {name: _judge(trial, embeddings[mask], targets[mask]) for name, mask in masks.items()}
    return _head(embedder.model, fit_ridge(embeddings, targets)), quality


def _head(encoder: str, ridge: Ridge) -> Head:
    return Head(
        task=TASK,
        version=1,
        encoder=encoder,
        labels=("polarity",),
        weights=ridge.weights[None, :].astype(np.float32),
        bias=np.array([ridge.bias], dtype=np.float32),
    )


def _judge(head: Head, embeddings: Embeddings, targets: NDArray[np.float64]) -> SentimentQuality:
    polarity = head.polarity(embeddings)
    clear = np.abs(targets) >= _CLEAR
    return SentimentQuality(
        pearson=float(np.corrcoef(polarity, targets)[0, 1]),
        sign_accuracy=float((np.sign(polarity[clear]) == np.sign(targets[clear])).mean()),
        texts=len(targets),
    )


def _rating(domain: str, line: str) -> Rating:
    number, mean, text = line.split("\t", 2)
    return Rating(domain, number.partition("_")[0], html.unescape(text), float(mean) / _STRONGEST)


def _is_held_out(rating: Rating) -> bool:
    return hashlib.sha256(f"{rating.domain}/{rating.document}".encode()).digest()[0] % 3 == 0
