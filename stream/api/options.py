"""What an API process may use, in one frozen object."""

from dataclasses import dataclass

from .tokens import Token

MOST_USERS = 500  # in one call
MOST_ID = 512  # characters; longer ones are dead letters
MOST_LABEL = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """Bounds and permissions.

    Attributes:
        tokens: Who may ask.
        open_on_loopback: Whoever asks from this machine may read without a token.
        rate: Requests a second for each token.
        index_users: Users in the index; the least recently changed are left out beyond it. 0: no index.
        live_clients: Most clients that follow live updates.
        live_users: Most users that wait to be told to one client.
        live_seconds: After so long a live stream is ended; clients come back by themselves.
        heartbeat: Seconds between signs of life on a live stream.
        body_bytes: Longest body of a request.
    """

    tokens: tuple[Token, ...] = ()
    open_on_loopback: bool = False
    rate: float = 2_000.0
    index_users: int = 50_000
    live_clients: int = 100
    live_users: int = 256
    live_seconds: float = 3_600.0
    heartbeat: float = 15.0
    body_bytes: int = 256 * 1024
