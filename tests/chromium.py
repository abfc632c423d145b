"""Debian's Chromium, driven by its own driver: pages are opened from disk, and what the console has is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

_SWITCHES = (
    *(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--hide-scrollbars",
    ),
    *("--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1280,900"),
    "--disable-ipc-flooding-protection",  # tests change the address more often than people
)


class Browser:
    """One browser, for all pages of a session."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, path: Path) -> None:
        """Open a page, anew."""
        self.driver.get("about:blank")
        self.console()
        self.driver.get(path.as_uri())

    def console(self) -> list[dict[str, Any]]:
        """Return what the console has got since the page was opened, or since this was asked."""
        found: list[dict[str, Any]] = self.driver.execute("getLog", {"type": "browser"})["value"]
        return found

    def run(self, script: str, *arguments: Any) -> Any:
        """Return the value of a script."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[Any]:
        """Return the elements of a selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def press(self, *keys: str) -> None:
        """Press keys, where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def wait(self, script: str) -> None:
        """Wait until a script returns what is true."""
        WebDriverWait(self.driver, 60, 0.02).until(lambda _: self.run(script))

    def size(self, width: int, height: int) -> None:
        """Set the size of the page in pixels."""
        sizes = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", sizes)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser without a network."""
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for switch in _SWITCHES:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service("/usr/bin/chromedriver"))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
