"""The shapes of answers about users."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from .answers import Answer, Time
from .options import MOST_ID, MOST_LABEL, MOST_USERS
from .shield import SLASH

Share = Annotated[float, Field(ge=0, le=1.001, description="0 to 1.")]


def with_slashes(text: str) -> str:
    """An id or label out of a path, as it was before it was encoded."""
    return text.replace(SLASH, "/")


UserId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MOST_ID),
    AfterValidator(with_slashes),
    Field(description="The user's id, percent-encoded.", examples=["ada"]),
]
Label = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MOST_LABEL),
    AfterValidator(with_slashes),
    Field(description="An interest's label, percent-encoded.", examples=["hiking"]),
]
Most = Annotated[int, Field(ge=1, le=200, description="At most so many.")]


class InterestShare(Answer):
    """An interest with its share of the user's attention."""

    label: str = Field(examples=["hiking"])
    share: Share = Field(examples=[0.62])


class Reason(Answer):
    """An event that speaks for a label."""

    label: str = Field(examples=["hiking"])
    event: str = Field(description="The event's id.", examples=["1"])
    excerpt: str = Field(description="The beginning of its text, without personal data.", examples=["hiking boots"])
    confidence: float = Field(description="How sure the head was, 0 to 1.", examples=[0.93])
    time: Time


class Profile(Answer):
    """What is known of a user now."""

    user: str = Field(examples=["ada"])
    revision: int = Field(description="Grows with each change.", examples=[2])
    bytes: int = Field(description="Size in Redis.")
    events: int
    first_seen: Time
    last_seen: Time
    interests: list[InterestShare] = Field(description="At the long half-life, best first.")
    recent_interests: list[InterestShare] = Field(description="At the short half-life, best first.")
    sentiment: float | None = Field(description="-1 to 1; null where nothing was said.")
    sentiment_spread: float | None
    recent_sentiment: float | None
    types: dict[str, Share] = Field(description="Shares of event types.", examples=[{"search": 0.5, "purchase": 0.5}])
    hours: list[Share] = Field(description="Shares of the 24 hours of the day, UTC.")
    evidence: list[Reason]


class ProfileQuery(Answer):
    """Whose profiles to read."""

    users: list[Annotated[str, StringConstraints(min_length=1, max_length=MOST_ID)]] = Field(
        min_length=1, max_length=MOST_USERS, examples=[["ada", "grace"]]
    )


class Profiles(Answer):
    """Many profiles."""

    profiles: list[Profile] = Field(description="Those that there are, in the order of the question.")
    missing: list[str] = Field(description="Users without a profile.")


class Why(Answer):
    """Why the leading labels lead."""

    user: str
    revision: int
    evidence: list[Reason] = Field(description="The strongest first.")


class HistoryPoint(Answer):
    """Leading interests at one time."""

    time: Time
    interests: list[InterestShare]


class InterestHistory(Answer):
    """How a user's interests went, as far as this process saw it: dense lately, sparse long ago."""

    user: str
    known: bool = Field(description="Whether the index knows the user.")
    points: list[HistoryPoint] = Field(description="Oldest first.")


class IndexedUser(Answer):
    """A user as the index knows them."""

    user: str
    events: int
    time: Time
    interests: list[InterestShare]


class Users(Answer):
    """Users found, those that changed lately first."""

    indexed: int = Field(description="Users in the index.")
    complete: bool = Field(description="Whether the index holds everyone: it has caught up, and left nobody out.")
    users: list[IndexedUser]


class FanOf(Answer):
    """A user and their share of an interest."""

    user: str
    share: Share
    events: int
    time: Time


class TopUsers(Answer):
    """Whom an interest matters to most."""

    label: str
    complete: bool
    users: list[FanOf] = Field(description="The largest share first.")


class PopularInterest(Answer):
    """An interest, how many users it leads for, and its mean share among them."""

    label: str
    users: int
    share: Share


class PopularInterests(Answer):
    """All interests, those that lead for most users first."""

    indexed: int
    complete: bool
    interests: list[PopularInterest]


class SimilarUser(Answer):
    """A user who is like another."""

    user: str
    similarity: float = Field(description="Cosine of the profiles' vectors, without what all have in common; -1 to 1.")
    interests: list[InterestShare]


class SimilarUsers(Answer):
    """Who else is like this?"""

    user: str
    known: bool = Field(description="Whether the index knows the user, and has a vector: something was said.")
    complete: bool
    users: list[SimilarUser] = Field(description="The likest first.")
