"""The page: static files out of the package, the same for everyone; what it shows, it asks for with a token."""

from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..problems import Problem

FOLDER = Path(__file__).parent.parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

router = APIRouter(include_in_schema=False)


def _files() -> dict[str, tuple[bytes, str, str]]:
    """Content, type and tag of each file, by its name."""
    found = {path.name: path for path in FOLDER.iterdir() if path.suffix in _TYPES}
    content = {name: path.read_bytes() for name, path in found.items()}
    return {
        name: (data, _TYPES[found[name].suffix], f'"{sha256(data).hexdigest()[:16]}"') for name, data in content.items()
    }


_FILES = _files()


@router.get("/")
async def index(request: Request) -> Response:
    """The page."""
    return await file("index.html", request)


@router.get("/page/{name}")
async def file(name: str, request: Request) -> Response:
    """A part of the page."""
    if name not in _FILES:
        raise Problem(404, "Not Found", "The page has no such part.")
    data, kind, tag = _FILES[name]
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=kind, headers=headers)
