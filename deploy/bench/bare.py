"""A FastAPI app with one route that does nothing: what any answer costs, whatever is in it.

python -m profilestream.deploy.bench.bare PORT
"""

import sys

import uvicorn
from fastapi import FastAPI
from starlette.responses import Response

from ..local.ports import LOOPBACK

ANSWER = b'{"answer":"' + b"x" * 1200 + b'"}'  # as long as a usual profile

app = FastAPI()


@app.get("/bare/{user}")
async def bare(user: str) -> Response:  # noqa: ARG001 (read from the path, as a profile's route does)
    """The same for everyone."""
    return Response(ANSWER, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, host=LOOPBACK, port=int(sys.argv[1]), http="httptools", loop="uvloop", access_log=False)
