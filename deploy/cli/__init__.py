"""The command line: one file a command."""

import sys

from ...schemas.errors import ProfilestreamError, StoreUnavailableError, StuckError
from ...stream.worker.watchdog import EXIT_STATUS
from .app import app
from .console import complain


def main() -> None:
    """Entry point of `profilestream`: an error that we foresaw is one or two lines, never a traceback."""
    try:
        app()
    except StoreUnavailableError as error:
        complain(f"{error}\nStart one (`profilestream up`), or set PROFILESTREAM_REDIS_URL.")
        sys.exit(1)
    except StuckError as error:
        complain(str(error))
        sys.exit(EXIT_STATUS)
    except ProfilestreamError as error:
        complain(str(error))
        sys.exit(1)
