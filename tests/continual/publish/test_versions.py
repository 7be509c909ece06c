"""Whatever is done in whatever order, exactly one version answers."""

from hypothesis import given
from hypothesis import strategies as st

from profilestream.continual.publish.versions import Book, ModelVersion
from profilestream.schemas.errors import ConfigurationError

NAMES = ("encoder-v1", "encoder-v2", "encoder-v3")
STATES = ("begun", "written", "loaded", "warm", "shadow", "canary", "champion", "previous", "retired", "refused")

moves = st.tuples(st.just("move"), st.sampled_from(NAMES), st.sampled_from(STATES[1:6] + STATES[8:]))
flips = st.tuples(st.just("promote"), st.sampled_from(NAMES), st.just(""))
back = st.just(("rollback", "", ""))


def first() -> Book:
    """One champion, and two candidates that were begun."""
    book = Book().with_first(ModelVersion(name=NAMES[0], state="begun", source={}), 1)
    for name in NAMES[1:]:
        book = book.with_version(ModelVersion(name=name, state="begun", source={"x": name}))
    return book


@given(st.lists(moves | flips | back, max_size=40))
def test_one_champion_at_all_times(steps: list[tuple[str, str, str]]) -> None:
    """Steps that are not allowed change nothing; the others leave one champion, and a way back only to what is kept."""
    book = first()
    for time, (step, name, state) in enumerate(steps):
        try:
            if step == "move":
                book = book.moved(name, state, time)  # type: ignore[arg-type]
            elif step == "promote":
                book = book.with_champion(name, time)
            else:
                book = book.with_rollback(time, "no good")
        except ConfigurationError:
            continue
        assert [n for n, version in book.versions.items() if version.state == "champion"] == [book.champion]
        assert book.pointer.champion == book.champion
        assert book.previous is None or book.versions[book.previous].state in {"previous", "retired"}


@given(st.lists(moves | flips | back, max_size=20))
def test_a_book_comes_back_as_it_was(steps: list[tuple[str, str, str]]) -> None:
    """What is written to the disk is what is read from it, and the generation never goes back."""
    book = first()
    for time, (step, name, _) in enumerate(steps):
        before = book.generation
        try:
            book = book.with_champion(name, time) if step == "promote" else book.moved(name, "refused", time, "why")
        except ConfigurationError:
            continue
        assert book.generation > before
    assert Book.model_validate_json(book.model_dump_json()) == book
