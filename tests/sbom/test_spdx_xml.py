"""SPDX XML read straight from events and as a tree, and tag-value lines of each line break: the same is said."""

import pytest

from tests.sbom.test_spdx_syntaxes import GOOD, as_tag_value, as_xml
from vouchsafe.sbom import spdx, spdx_tree
from vouchsafe.sbom.errors import SbomError


@pytest.mark.parametrize(
    "old_new",
    [
        ("<name>", "<name>"),
        ("<name>", "<name>a<!-- b -->c"),
        ("<licenseListVersion>", "<unheard><of>it</of></unheard><licenseListVersion>"),
        ("<packages>", "<packages>stray"),
        ("<packages>", '<packages><name xmlns="urn:other">x</name>'),
        ("<SPDXID>", "<SPDXID>z</SPDXID><SPDXID>"),
        ("<creators>", "<creators>Tool: one</creators><creators>"),
        ("<downloadLocation>", "<downloadLocation>with spaces "),
    ],
)
def test_xml_says_the_same_read_straight_and_as_a_tree(
    old_new: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = as_xml(GOOD).decode().replace(*old_new).encode()

    def said() -> str:
        try:
            return repr(spdx.read(data))
        except SbomError as told:
            return f"{type(told).__name__} {told}"

    def unusual(*_: object) -> None:
        raise spdx_tree._Unusual

    straight = said()
    monkeypatch.setattr(spdx_tree._XmlReader, "read", unusual)
    assert said() == straight


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"])
def test_tag_value_lines_are_counted_by_every_break(breaks: str) -> None:
    text = as_tag_value(GOOD).decode().replace("\n", breaks)
    assert spdx.read(text.encode()).components == spdx.read(as_tag_value(GOOD)).components
    assert [c.path for c in spdx.read(text.encode()).components] == [
        c.path for c in spdx.read(as_tag_value(GOOD)).components
    ]
