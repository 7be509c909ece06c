"""The page in a real Chromium: it lives, it warns, it asks for a token, and it can be read."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

import profilestream.stream.api.app as api
from profilestream.stream.api.publishing import Publications, Publishing
from tests.stream.api.browser import Looker, chromium
from tests.stream.api.place import ADMIN, OPTIONS, READ, Place, serving
from tests.stream.api.states import busy, drift, healthy, now
from tests.stream.world import event

expect.set_options(timeout=20_000)  # these machines are noisy
OPEN = replace(OPTIONS, open_on_loopback=True, live_seconds=3600.0)
PHONE = {"width": 375, "height": 800}
STYLES = (Path(api.__file__).parent / "page" / "page.css").read_text()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser of this test's own."""
    async with asyncio.timeout(120), chromium() as browser:
        yield browser


async def test_numbers_live_and_a_profile_changes_while_one_looks(browser: Browser) -> None:
    """Throughput, lag, and the profile of whom one looks at follow the stream; the console has nothing to say."""
    place = Place(options=OPEN)
    await busy(place)
    async with serving(place) as url:
        looker = Looker(await browser.new_page())
        page = looker.page
        await page.goto(f"{url}#user=ada.0")
        profile = page.locator("#profile")
        await expect(profile.locator("h3", has_text="ada.0")).to_be_visible()
        await expect(profile).to_contain_text("12 events")
        await expect(page.locator("#verdict")).to_contain_text("All is well")
        await expect(page.locator("#live")).to_have_text("live")
        await place.happen(event(9_001, user="ada.0", time=now(), text="something new about gardens"))
        await expect(profile).to_contain_text("13 events")
        place.health = healthy().model_copy(update={"lag": 4321})
        await expect(page.locator("#lag")).to_have_text("4,321")
        await page.locator("#search").fill("GRACE.1")
        await expect(page.locator("#found button")).to_have_count(2)  # grace.1 and grace.13
        await page.locator("#found button", has_text="grace.13").click()
        await expect(profile.locator("h3", has_text="grace.13")).to_be_visible()
        assert looker.said == []


async def test_drift_and_a_dead_server_turn_it_red(browser: Browser) -> None:
    """An alarm of drift colours its panel and says what is new; so does Triton; then all is well again, on a phone."""
    place = Place(options=OPEN)
    await busy(place)
    async with serving(place) as url:
        looker = Looker(await browser.new_page(viewport=PHONE))
        page = looker.page
        await page.goto(url)
        verdict, panel = page.locator("#verdict"), page.locator("#drift")
        await expect(verdict).to_contain_text("All is well")
        calm = await panel.evaluate("e => getComputedStyle(e).borderColor")
        await place.drift.publish("encoder-v2", drift(alarm=True))
        await expect(panel).to_have_class(re.compile("alarmed"))
        await expect(verdict).to_contain_text("The stream has drifted")
        await expect(panel).to_contain_text("Content that is new to the model")
        await expect(panel).to_contain_text("I was charged twice")
        assert await panel.evaluate("e => getComputedStyle(e).borderColor") != calm
        place.health = healthy(down="triton")
        await expect(verdict).to_contain_text("Triton is down")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        await expect(page.locator("#trends tbody tr")).to_have_count(3)
        assert await page.locator("#trends .scroll").evaluate("e => e.scrollWidth - e.clientWidth") <= 0  # mood is seen
        await place.drift.publish("encoder-v2", drift(alarm=False))
        place.health = healthy()
        await expect(verdict).to_contain_text("All is well")
        await expect(panel).not_to_have_class(re.compile("alarmed"))
        assert looker.said == []


async def test_a_token_is_asked_for_and_rollback_wants_another(browser: Browser) -> None:
    """Nothing is shown without a token; one that may read shows the page; only an admin's brings the old model back."""
    champions = ["encoder-v2"]

    async def published() -> Publications:
        back = "encoder-v1" if champions[-1] == "encoder-v2" else None
        return Publications(champion=champions[-1], encoders=("encoder-v1", "encoder-v2"), rollback_to=back)

    async def rollback() -> str:
        champions.append("encoder-v1")
        return "encoder-v1"

    place = Place(
        options=replace(OPEN, open_on_loopback=False), publishing=Publishing(publications=published, rollback=rollback)
    )
    await busy(place)
    async with serving(place) as url:
        page = Looker(await browser.new_page()).page
        await page.goto(url)
        token = page.locator("#ask-token")
        await token.fill(READ)
        await token.press("Enter")
        models = page.locator("#models-body")
        await expect(models).to_contain_text("encoder-v2")
        for given, said in ((READ, "admin is needed"), (ADMIN, "encoder-v1 is in use again.")):
            await models.get_by_role("button", name="Roll back to encoder-v1").click()
            await token.fill(given)
            await token.press("Enter")
            await expect(models).to_contain_text(said)
        await expect(models.get_by_role("button", name="Nothing to roll back to")).to_be_disabled()
        assert champions == ["encoder-v2", "encoder-v1"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str) -> None:
    """Every colour of text has a contrast of at least 4.5 on every ground that it stands on (WCAG 2.2, 1.4.3)."""
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block(theme)))
    grounds = ("ground", "card", "sunk")
    pairs = [(text, ground) for text in ("ink", "soft", "accent", "ok", "warn", "alarm") for ground in grounds]
    pairs += [(tone, f"{tone}-soft") for tone in ("ok", "warn", "alarm")]
    pairs += [("ink", f"{tone}-soft") for tone in ("ok", "warn", "alarm", "accent")]
    pairs += [("on-accent", "accent"), ("soft", "accent-soft")]
    low = {pair: round(ratio, 2) for pair in pairs if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 4.5}
    assert low == {}


def block(theme: str) -> str:
    """The colours of a theme."""
    start = ":root {" if theme == "light" else ':root[data-theme="dark"] {'
    return STYLES.partition(start)[2].partition("}")[0]


def contrast(one: str, other: str) -> float:
    """Of two colours, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
