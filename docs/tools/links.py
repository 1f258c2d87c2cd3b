"""Checks a built site: every link, picture and anchor exists, and nothing is loaded from elsewhere.

python docs/tools/links.py site
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
}
FETCHED = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "manifest", "modulepreload"}


class Page(HTMLParser):
    """The anchors of a page, where it leads, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.update(given[name] for name in ("id", "name") if given.get(name))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "link" and FETCHED & set(given.get("rel", "").split()):
            self.loads.append(given.get("href", ""))
        if LOADS.get(tag) in given:
            self.loads.append(given[LOADS[tag]])
        for place in given.get("srcset", "").split(","):
            self.loads += place.split()[:1]
        self.loads += re.findall(r"url\(\s*['\"]?([^'\")]+)", given.get("style", ""))


def problems(site: Path) -> list[str]:
    """A line for each broken link, missing anchor or resource from elsewhere."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        for address in page.loads:
            if outside(address):
                found.append(f"{name} loads {address}")
        for address in page.links + page.loads:
            if not outside(address) and (wrong := missing(site, path, address, pages)):
                found.append(f"{name}: {address}: {wrong}")
    for path in sorted(site.rglob("*.css")):
        for address in re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)", path.read_text(encoding="utf-8")):
            if outside(address):
                found.append(f"{path.relative_to(site)} loads {address}")
    return found


def outside(address: str) -> bool:
    """Whether an address names another place; what stands in the page itself (data:) does not."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data", "mailto")


def missing(site: Path, path: Path, address: str, pages: dict[Path, Page]) -> str:
    """What is wrong with an address inside the site, "" for nothing."""
    parts = urlsplit(address)
    if parts.scheme:
        return ""
    target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
    if parts.path.startswith("/"):  # only the page for wrong addresses, which is shown anywhere, writes these
        target = (site / unquote(parts.path).lstrip("/")).resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors and anchor != "__skip":
        return "no such anchor"
    return ""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("links.py: give the folder of a built site", file=sys.stderr)
        return 2
    site = Path(arguments[0]).resolve()
    found = problems(site)
    print("\n".join(found) or f"{sum(1 for _ in site.rglob('*.html'))} pages: every link leads somewhere, nothing is "
          "loaded from elsewhere")  # fmt: skip
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
