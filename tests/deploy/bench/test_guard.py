"""The guard: ratios that fall by more than a quarter are named, others are not."""

from dataclasses import asdict

import pytest

from profilestream.deploy.bench.guard import Ratios, plain_python, recorded


@pytest.mark.parametrize(("share", "fallen"), [(1.0, 0), (0.76, 0), (0.74, 2)])
def test_a_quarter_is_allowed_and_no_more(share: float, fallen: int) -> None:
    """A machine's noise passes, a regression does not."""
    before = recorded()
    now = Ratios(**{name: share * value for name, value in before.items()})
    assert len(now.fallen(before)) == fallen


def test_every_ratio_was_recorded() -> None:
    """A ratio that nothing is recorded of would guard nothing."""
    assert set(asdict(Ratios(pipeline_to_ceiling=1.0, without_text_to_plain_python=1.0))) == set(recorded())
    assert all(0 < value < 10 for value in recorded().values())


def test_plain_python_does_its_events() -> None:
    """What it is compared with has to work."""
    assert plain_python(100) > 0
