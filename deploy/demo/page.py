"""A picture of the page, by whatever Chromium there is on this machine."""

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SIZE = "1280,2000"
_LOOK_MS = 6000  # of the page's own time: until it has asked for everything once
_PATIENCE = 30.0


async def picture(address: str, file: Path) -> str:
    """Leave a picture of a page in a file; says where it is, or how to get one."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        return f"no picture of the page, as no Chromium was found: look at {address} in a browser, with --keep"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            browser,
            "--headless",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={_SIZE}",
            f"--virtual-time-budget={_LOOK_MS}",
            f"--screenshot={file}",
            # Chromium's sandbox does not work for root; what is opened here is our own page.
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            address,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _PATIENCE)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if not await asyncio.to_thread(file.exists):
        return f"Chromium made no picture of the page: look at {address} in a browser, with --keep"
    return f"a picture of the page: {file}"
