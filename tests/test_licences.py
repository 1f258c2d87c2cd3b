"""The licences of what is shipped lie beside it; what is needed has the licence that docs/licences.md says."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path

import pytest

import difflab

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not (ROOT / "docs").exists(), reason="the documentation is not part of the wheel")
FAMILIES = {
    "MIT": r"\bMIT\b|HPND|CMU",
    "BSD": r"\bBSD\b",
    "Apache": r"Apache",
    "PSF": r"\bPSF\b|Python Software Foundation|matplotlib",
    "ISC": r"\bISC\b",
    "MPL": r"\bMPL\b|Mozilla",
    "LGPL": r"LGPL|Lesser General",
}  # fmt: skip
COPYLEFT = re.compile(r"\bA?GPL|Affero|(?<!Lesser )General Public|Proprietary|Commercial", re.IGNORECASE)
OWN_WORK = {".py", ".typed", ".js", ".css", ".html", ".json"}  # what difflab's authors wrote


def requirement(line: str) -> str:
    return re.split(r"[\[<>=!; ]", line)[0].lower()


def direct() -> list[str]:
    """What pyproject.toml names, in all its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    return sorted({requirement(line) for line in lines} - {"difflab"})


def table() -> dict[str, str]:
    rows = re.findall(r"^\|(?: \w+ \|)? ([\w-]+) \| (.*) \|$", (ROOT / "docs/licences.md").read_text(), re.MULTILINE)
    return {name: licence for name, licence in rows if licence != "licence"}


def said(name: str) -> str:
    """What an installed package says of its licence; of a licence's text only the beginning."""
    found = distribution(name)
    classifiers = [c for c in found.metadata.get_all("Classifier", []) if c.startswith("License ::")]
    stated = [found.metadata["License-Expression"] or "", *classifiers, (found.metadata["License"] or "")[:60]]
    files = [f for f in found.files or () if re.match(r"(LICEN[CS]E|COPYING)(\.\w+)?$", f.name)]
    if not families(" ".join(stated)) and files:
        stated.append(Path(str(files[0].locate())).read_text(errors="replace")[:300])
    return " ".join(stated)


def families(text: str) -> set[str]:
    return {name for name, spelling in FAMILIES.items() if re.search(spelling, text)}


def installed(name: str) -> bool:
    try:
        return bool(distribution(name))
    except PackageNotFoundError:
        return False


def needed() -> set[str]:
    """The installed packages that difflab needs, and what they need in turn."""
    found, coming = set(), [requirement(r) for r in direct_needed()]
    while coming:
        name = coming.pop()
        if name not in found and installed(name):
            found.add(name)
            lines = distribution(name).requires or []
            coming += [requirement(line) for line in lines if "extra ==" not in line]
    return found


def direct_needed() -> list[str]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]


def test_every_dependency_is_in_the_tables():
    assert sorted(table()) == direct()


@pytest.mark.parametrize("name", [*filter(installed, direct())])
def test_the_table_says_what_the_package_says(name):
    stated = said(name)
    assert families(stated) & families(table()[name].partition(";")[0]), stated
    assert not COPYLEFT.search(stated), stated


def test_nothing_that_is_needed_is_under_the_gpl():
    wrong = {name: said(name) for name in needed() if COPYLEFT.search(said(name))}
    assert len(needed()) > 12 and wrong == {}


@pytest.mark.parametrize("text", ["GPL-3.0-or-later", "GNU General Public License v3", "AGPL-3.0", "Proprietary"])
def test_what_is_refused_is_seen(text):
    assert COPYLEFT.search(text) and not COPYLEFT.search("MIT AND LGPL-3.0-or-later, GNU Lesser General Public License")


def kept_licence(path: Path) -> bool:
    """Whether a script begins with a comment that tools keep, as those of others do."""
    return path.suffix in (".js", ".css") and path.read_text(encoding="utf-8").startswith("/*!")


def test_what_is_shipped_of_others_is_named():
    package = Path(difflab.__file__).parent
    files = [p for p in package.rglob("*") if p.is_file() and (p.suffix not in OWN_WORK | {".pyc"} or kept_licence(p))]
    others = {str(p.relative_to(package.parent)) for p in files}
    told = (ROOT / "THIRD_PARTY.md").read_text()
    assert (
        others == set(re.findall(r"^`([\w/.]+)`:", told, re.MULTILINE))
        and "creativecommons.org/licenses/by/4.0" in told
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT AND CC-BY-4.0 AND EPL-2.0" and project["license-files"] == [
        "LICENSE",
        "THIRD_PARTY.md",
    ]
