"""A home for one demo."""

from pathlib import Path

import pytest

from profilestream.deploy import wiring
from profilestream.deploy.demo.home import REPORTS, demo_home, own_home, tidy
from profilestream.deploy.settings import Settings


def user_home(folder: Path) -> Settings:
    """A home with a prepared model."""
    settings = Settings(home=folder)
    model = wiring.repository(settings) / settings.model / "1"
    model.mkdir(parents=True)
    (model / "model.onnx").write_bytes(b"weights")
    (folder / "packages").mkdir()
    (folder / "packages" / "wheel").write_text("unpacked")
    return settings


def test_what_a_demo_publishes_is_its_own(tmp_path: Path) -> None:
    """Packages are shared and the model is there, without room for a second copy; what is new stays in its home."""
    settings = user_home(tmp_path)
    own = demo_home(settings)
    shared = wiring.repository(settings) / "encoder-v1/1/model.onnx"
    assert (wiring.repository(own) / "encoder-v1/1/model.onnx").samefile(shared)
    assert (own.home / "packages/wheel").read_text() == "unpacked"
    (wiring.repository(own) / "encoder-v2").mkdir()
    assert [path.name for path in wiring.repository(settings).iterdir()] == ["encoder-v1"]
    assert wiring.learner_home(own).is_relative_to(own.home)


def test_two_demos_do_not_meet(tmp_path: Path) -> None:
    """Each has a home of its own; those that nobody tidied up do not pile up."""
    settings = user_home(tmp_path)
    homes = [demo_home(settings).home for _ in range(6)]
    assert len(set(homes)) == 6
    assert sorted((tmp_path / "demo").iterdir()) == homes[-3:]


def test_a_home_ends_with_its_demo(tmp_path: Path) -> None:
    """Also when that fails; not where its servers go on, and data that is kept stays with the user's models."""
    settings = user_home(tmp_path)
    with pytest.raises(RuntimeError), own_home(settings, keep=False) as own:
        raise RuntimeError
    assert not own.home.exists()
    with own_home(settings, keep=True) as own:
        pass
    assert (own.home / "models").exists()
    kept = settings.model_copy(update={"kafka_home": tmp_path})
    with own_home(kept, keep=False) as own:
        pass
    assert own == kept
    assert (tmp_path / "packages/wheel").exists()


def test_tidying_up_leaves_the_report_and_the_users_home(tmp_path: Path) -> None:
    """What is shared is not followed; without a report nothing is left."""
    settings = user_home(tmp_path)
    reported, silent = demo_home(settings), demo_home(settings)
    (reported.home / REPORTS).mkdir()
    tidy(reported)
    tidy(silent)
    assert [path.name for path in reported.home.iterdir()] == [REPORTS]
    assert not silent.home.exists()
    assert (tmp_path / "packages/wheel").exists()
    assert (wiring.repository(settings) / "encoder-v1/1/model.onnx").read_bytes() == b"weights"
