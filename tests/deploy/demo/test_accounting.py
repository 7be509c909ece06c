"""The demo's book-keeping: what was sent is struck off once, by an update or by a dead letter."""

import math

from profilestream.deploy.demo.accounting import Ledger, Sent
from profilestream.schemas.events import DeadLetter, ProfileUpdate


def update(user="ann", revision=1, offset=0):
    """An update of a profile that holds everything up to an offset."""
    return ProfileUpdate(
        user=user,
        revision=revision,
        model_version="encoder-v1",
        topic="user-events",
        partition=0,
        offset=offset,
        time=0,
        events=1,
    )


def letter(offset):
    """A dead letter of the message at an offset."""
    return DeadLetter(reason="empty_user", detail="", topic="user-events", partition=0, offset=offset, time=0)


def test_update_strikes_off_what_it_covers():
    """An update covers its user's events up to its offset, none of others; latency is from produce to update."""
    ledger = Ledger()
    for user, offset in (("ann", 0), ("bob", 1), ("ann", 2), ("ann", 3)):
        ledger.wrote(user, Sent(0, offset, at=10.0), now=10.1)
    ledger.saw(update(offset=2), now=10.5)
    assert (ledger.sent, ledger.seen, ledger.outstanding) == (4, 2, 2)
    assert math.isclose(ledger.latency(50), 500)


def test_update_before_the_acknowledgement():
    """An update that is read before the broker's acknowledgement of its event counts all the same."""
    ledger = Ledger()
    ledger.saw(update(offset=5), now=1.0)
    ledger.wrote("ann", Sent(0, 5, at=0.5), now=1.2)
    assert ledger.outstanding == 0


def test_lost_event_stays_outstanding():
    """An event that nobody speaks of is outstanding."""
    ledger = Ledger()
    ledger.wrote("ann", Sent(0, 0, at=0.0), now=0.0)
    assert ledger.outstanding == 1
    assert math.isnan(ledger.latency(99))


def test_dead_letter_counts_once():
    """A dead letter accounts for its event, once, however often it is written, before or after a later update."""
    ledger = Ledger()
    for offset in (0, 1):
        ledger.wrote("ann", Sent(0, offset, at=0.0), now=0.0)
    ledger.saw(update(offset=1), now=1.0)  # struck off both
    ledger.buried("ann", letter(0))
    ledger.buried("ann", letter(0))
    assert (ledger.seen, ledger.dead, ledger.outstanding) == (1, 1, 0)
    ledger.wrote("ann", Sent(0, 2, at=2.0), now=2.0)
    ledger.buried("ann", letter(2))
    assert (ledger.seen, ledger.dead, ledger.outstanding) == (1, 2, 0)


def test_updates_that_go_back():
    """A revision below an earlier one of the same user is counted and does not replace the newer profile."""
    ledger = Ledger()
    for revision in (2, 2, 1):
        ledger.saw(update(revision=revision), now=0.0)
    ledger.saw(update(user="bob", revision=1), now=0.0)
    assert (ledger.updates, ledger.backward, ledger.profiles["ann"].revision) == (4, 1, 2)
