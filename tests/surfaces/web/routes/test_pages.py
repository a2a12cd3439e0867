"""The page: files, compression, caching, the fallback to the page itself, and a checkout without it."""

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.surfaces.web.stack import Stack, running

SCRIPT = "console.log('x');" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>page</title>" + " " * 600)
    (tmp_path / "assets" / "main-abc123.js").write_text(SCRIPT)
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path.parent / "secret.txt").write_text("secret")
    return tmp_path


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[Stack]:
    async with running(static_dir=folder) as stack:
        yield stack


async def test_the_page_is_asked_for_again_and_its_assets_never(site: Stack) -> None:
    page = await site.http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache"
    script = await site.http.get("/assets/main-abc123.js")
    assert script.text == SCRIPT
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    icon = await site.http.get("/icon.svg")
    assert (icon.headers["content-type"], icon.headers["cache-control"]) == ("image/svg+xml", "no-cache")


async def test_files_are_sent_packed_to_those_who_can_unpack_them(site: Stack) -> None:
    async with site.http.stream("GET", "/assets/main-abc123.js", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw).decode() == SCRIPT
    plain = await site.http.get("/assets/main-abc123.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"


async def test_an_unchanged_page_is_not_sent_again(site: Stack) -> None:
    etag = (await site.http.get("/")).headers["etag"]
    again = await site.http.get("/", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


async def test_addresses_of_the_page_lead_to_the_page_and_missing_files_do_not(site: Stack) -> None:
    for path in ("/exchange", "/exchange/kraken", "/explore?table=feed"):
        assert "page" in (await site.http.get(path)).text
    for path in ("/assets/missing.js", "/favicon.ico", "/api/missing"):
        assert (await site.http.get(path)).status_code == 404
    assert (await site.http.head("/")).status_code == 200


async def test_nothing_outside_the_folder_is_served(site: Stack) -> None:
    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "//etc/passwd.txt"):
        answer = await site.http.get(path)
        assert answer.status_code == 404, path
        assert b"secret" not in answer.content.replace(b"secret.txt", b"")


async def test_a_page_that_is_built_while_the_server_runs_is_seen(site: Stack, folder: Path) -> None:
    await site.http.get("/")
    (folder / "index.html").write_text("<title>newer</title>")
    os.utime(folder / "index.html", ns=(1, 1))
    assert "newer" in (await site.http.get("/")).text


async def test_without_a_built_page_a_plain_one_says_how_to_get_it(web: Stack) -> None:
    answer = await web.http.get("/")
    assert answer.status_code == 200
    assert "make ui" in answer.text
    for path in ("docs", "api/status", "api/dashboards", "api/catalog", "metrics", "health"):
        assert f'href="/{path}"' in answer.text
        assert (await web.http.get(f"/{path}")).status_code == 200
