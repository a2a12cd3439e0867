import pytest
from playwright.async_api import Browser, Page

from tests.chromium import Complaints


@pytest.mark.browser
async def test_a_page_that_does_nothing_wrong_has_no_complaints(page: Page) -> None:
    await page.set_content("<h1>still</h1>")
    assert await page.inner_text("h1") == "still"


@pytest.mark.browser
async def test_complaints_name_console_errors_exceptions_and_foreign_hosts(browser: Browser) -> None:
    page = await browser.new_page()
    complaints = Complaints(page)
    await page.set_content(
        "<script>console.error('bad value'); setTimeout(() => { throw new Error('lost') })</script><img src='https://example.invalid/x.png'>"
    )
    await page.wait_for_timeout(200)
    text = "\n".join(complaints.lines)
    assert "bad value" in text
    assert "lost" in text
    assert "example.invalid" in text
