"""What mkdocs does besides turning docs/*.md into pages.

The README, the lessons and the gallery enter where they lie; the reference is written from the package. There is no
second copy of anything in the repository.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import api
import maths
import rows
import steps
from mkdocs.structure.files import File, Files

from difflab.draw.playground import playground

ROOT = Path(__file__).parents[2]
OUTSIDE = (
    "tutorials/*.md",
    "tutorials/[0-9]*.py",
    "tutorials/pictures/*",
    "graphs/*.md",
    "graphs/*.svg",
    "benchmarks/RESULTS.*",
)


def on_config(config: Any) -> Any:
    """Fills in the parts of the navigation that a folder or the package decides."""
    for section in config.nav:
        for title, where in section.items():
            if where == "tutorials/":
                section[title] = ["tutorials/README.md", *sorted(f"tutorials/{p.name}" for p in lessons())]
            if where == "reference/":
                section[title] = [*api.addresses(), {"Operations": rows.addresses()}]
    return config


def lessons() -> list[Path]:
    return [p for p in ROOT.glob("tutorials/*.md") if p.name != "README.md"]


def on_files(files: Files, config: Any) -> Files:
    """Adds what lies outside docs/ and what is written from the package."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    files.append(File.generated(config, "index.md", abs_src_path=str(ROOT / "README.md")))
    files.append(File.generated(config, "changelog.md", abs_src_path=str(ROOT / "CHANGELOG.md")))
    files.append(File.generated(config, "contributing.md", abs_src_path=str(ROOT / "CONTRIBUTING.md")))
    for address, text in {**rows.pages(), **api.pages(), **steps.pages(), "playground/page.html": playground()}.items():
        files.append(File.generated(config, address, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links as they are on the site, and what mkdocs' Markdown needs said."""
    where = page.file.src_uri
    if where in ("step.md", "learning.md", "playground.md"):
        page.meta["hide"] = ["toc"]  # room for the pages in them
    if where in ("index.md", "contributing.md"):
        markdown = moved_from_root(markdown)
    elif page.file.abs_src_path and Path(page.file.abs_src_path).is_relative_to(ROOT / "docs"):
        markdown = re.sub(r"\]\(((?:\.\./)*)\.\./README\.md", r"](\1index.md", markdown)
        markdown = re.sub(r"\]\(((?:\.\./)*)\.\./CONTRIBUTING\.md", r"](\1contributing.md", markdown)
        markdown = re.sub(r"\]\(((?:\.\./)*)\.\./(?=[a-z]+/)", r"](\1", markdown)
    if where.startswith("tutorials/"):
        markdown = markdown.replace("](../docs/", "](../")
        markdown = markdown.replace("<details>", '<details markdown="1">')
    if where.startswith(("tutorials/", "graphs/")):  # a click shows a picture in its own size
        markdown = re.sub(r"^(!\[[^]]*\]\(([^)]+)\))$", r"[\1](\2)", markdown, flags=re.MULTILINE)
    return re.sub(r"```python\n(?=>>> )", "```pycon\n", markdown)


def moved_from_root(markdown: str) -> str:
    """Links of the README and of CONTRIBUTING: docs/ is the root of the site."""
    markdown = re.sub(r"(\]\(|src=\"|href=\")docs/", r"\1", markdown)
    markdown = re.sub(r'href="([\w/-]+)\.md"', r'href="\1.html"', markdown)
    for name in ("CHANGELOG", "CONTRIBUTING"):
        markdown = markdown.replace(f"]({name}.md", f"]({name.lower()}.md")
    return markdown


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    return maths.in_page(html)
