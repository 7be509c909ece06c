"""Bad candidates are refused with the reason, good ones pass."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilestream.continual.gate.evidence import Evidence
from profilestream.continual.gate.gate import judge, weigh
from profilestream.continual.gate.limits import Limits
from profilestream.continual.gate.report import GateReport
from profilestream.continual.gate.slices import check_old
from profilestream.inference.repository import ModelFiles, ServingOptions, write_model
from tests.continual.gate.made_up import LABELS, NEW, answers, evidence, with_candidate


def shuffled(base: Evidence) -> Evidence:
    """Trained on labels that were mixed up: right by chance only."""
    rng = np.random.default_rng(1)
    right = rng.random(len(base.labels)) < 1 / LABELS
    return with_candidate(base, probabilities=answers(base.labels, right, rng))


def forgetful(base: Evidence) -> Evidence:
    """Better at what is new, a tenth of the old lost."""
    return evidence(5, old=-0.10, new=0.08)


def forgets_one(base: Evidence) -> Evidence:
    """One label is given up, the sum is as good as before."""
    rng = np.random.default_rng(1)
    right = base.candidate.probabilities.argmax(axis=1) == base.labels
    return with_candidate(base, probabilities=answers(base.labels, right & (base.labels != 3), rng))


def not_a_number(base: Evidence) -> Evidence:
    """One number of one embedding is NaN."""
    rows = base.candidate.embeddings.copy()
    rows[7, 3] = np.nan
    return with_candidate(base, embeddings=rows)


def narrow(base: Evidence) -> Evidence:
    """Embeddings of fewer dimensions."""
    rows = base.candidate.embeddings[:, :-1]
    return with_candidate(base, embeddings=rows / np.linalg.norm(rows, axis=1, keepdims=True))


def collapsed(base: Evidence) -> Evidence:
    """The same embedding for every text."""
    return with_candidate(base, embeddings=np.repeat(base.candidate.embeddings[:1], len(base.labels), axis=0))


def slow(base: Evidence) -> Evidence:
    """Twice the champion's time."""
    return with_candidate(base, seconds=[2 * seconds for seconds in base.champion.seconds])


def unfaithful(base: Evidence) -> Evidence:
    """An export that says something else for one text in fifty."""
    exported = base.exported.copy()
    exported[4] = exported[5]
    return replace(base, exported=exported)


def overconfident(base: Evidence) -> Evidence:
    """As right as it was, but surer."""
    said = base.candidate.probabilities.argmax(axis=1)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(said)) < 0.3
    probabilities = answers(said, ~wrong, rng)
    return with_candidate(
        replace(base, champion=replace(base.champion, probabilities=0.5 * probabilities + 0.2 / LABELS)),
        probabilities=probabilities,
    )


def blind(base: Evidence) -> Evidence:
    """Profiles find much less."""
    return evidence(5, retrieval=-0.06)


def stranded(base: Evidence) -> Evidence:
    """Stored profiles cannot be carried over."""
    return replace(base, kept={"several": 0.8, "one": 0.97})


def no_better(base: Evidence) -> Evidence:
    """The champion itself."""
    return replace(base, candidate=base.champion)


def worse_at_new(base: Evidence) -> Evidence:
    """Learned the new labels worse than the frozen heads did."""
    return evidence(5, old=0.05, new=-0.08)


BAD: dict[Callable[[Evidence], Evidence], str] = {
    shuffled: "old labels",
    forgetful: "forgotten",
    forgets_one: "label3",
    not_a_number: "not finite",
    narrow: "31 dimensions",
    collapsed: "same embedding",
    slow: "2.00 times",
    unfaithful: "below 0.99",
    overconfident: "calibration",
    blind: "profiles find less",
    stranded: "80.0%",
    no_better: "not worth it",
    worse_at_new: "not better at what it was trained for",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_a_bad_candidate_is_refused_with_the_reason(spoil: Callable[[Evidence], Evidence]) -> None:
    """Whatever is wrong with it, the report says it in words."""
    report = GateReport(candidate="b", champion="a", findings=weigh(spoil(evidence(5)), Limits()))
    assert not report.passed
    assert BAD[spoil] in "\n".join(report.reasons)


def test_good_candidates_pass() -> None:
    """A little better on old labels, clearly on new ones: 95 of 100 and more, whatever texts were held out."""
    refused = [
        finding.check for seed in range(100) for finding in weigh(evidence(seed), Limits()) if not finding.passed
    ]
    assert len(refused) <= 5, refused


@pytest.mark.parametrize("loss", [0.05, 0.10])
def test_forgetting_is_seen_whatever_was_held_out(loss: float) -> None:
    """Five points lost on old labels: 95 of 100 are refused for just that; ten points: all."""
    missed = [seed for seed in range(100) if check_old(evidence(seed, old=-loss, new=0.1), Limits()).passed]
    assert len(missed) <= (5 if loss < 0.1 else 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder as it lies in the repository; its content is no model."""
    (tmp_path / "onnx").write_bytes(b"weights" * 1000)
    (tmp_path / "json").write_text("{}")
    files = ModelFiles(
        onnx=tmp_path / "onnx",
        tokenizer=tmp_path / "json",
        dimensions=32,
        max_tokens=16,
        precision="int8",
        cosine=0.99,
        source={},
        versions={},
    )
    return write_model(tmp_path / "models", "encoder-v2", files, ServingOptions()).path


async def measured() -> Evidence:
    """A good candidate."""
    return evidence(5)


async def test_a_whole_model_passes(folder: Path) -> None:
    """The report holds every check, and comes back from JSON as it was."""
    report = await judge(folder, measured, candidate="encoder-v2", champion="encoder-v1")
    assert report.passed, report.reasons
    assert len(report.findings) == 11
    assert GateReport.from_dict(report.as_dict()).as_dict() == report.as_dict()


@pytest.mark.parametrize("spoil", ["truncated", "swapped", "missing"])
async def test_damaged_files_are_refused_before_anything_is_measured(folder: Path, spoil: str) -> None:
    """A file cut off, of the same length with a wrong checksum, or gone: named, and the model is never opened."""
    weights = folder / "1" / "model.onnx"
    data = weights.read_bytes()
    if spoil == "missing":
        weights.unlink()
    else:
        weights.write_bytes(data[:-1] if spoil == "truncated" else data[:-1] + b"X")

    async def never() -> Evidence:
        raise AssertionError("a damaged model was opened")

    report = await judge(folder, never, candidate="encoder-v2", champion="encoder-v1")
    assert not report.passed
    assert "model.onnx" in report.reasons[0]


def test_without_new_labels_or_old_ones_there_is_nothing_to_lose() -> None:
    """The first update has no old labels, one that is triggered by drift may have no new ones."""
    base = evidence(5)
    for new in (np.ones(LABELS, bool), np.zeros(LABELS, bool)):
        findings = {f.check: f for f in weigh(replace(base, new=new), Limits())}
        assert findings["old labels"].passed
        assert findings["new labels"].passed
    assert base.new.sum() == NEW
