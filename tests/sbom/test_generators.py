"""Two container images, each described by four generators: what they agree on, and why not on more."""

from pathlib import Path

import pytest

from vouchsafe.sbom import reading
from vouchsafe.sbom.model import Sbom

LEVANT, MONGODB = "hashicorp_levant", "rancher_mongodb-conf"
DIGEST = "80d3473427a6f42094eafb86f5f77d738e70817e4dc2a8ceb545ad8ed0d960b4"

# Components, those with a version, and those with a package URL.
COUNTS = {
    # bom lists the image, its variants for each platform and their layers, by digest; it does not look inside.
    (LEVANT, "bom"): (21, 0, 5),
    (MONGODB, "bom"): (5, 0, 1),
    # syft also names the busybox binary that it recognised, by version and without a package URL.
    (LEVANT, "syft"): (74, 74, 73),
    (MONGODB, "syft"): (24, 24, 23),
    # trivy lists the image, the operating system and (levant) the binary that the Go modules were found in.
    (LEVANT, "trivy"): (75, 73, 73),
    (MONGODB, "trivy"): (25, 24, 24),
    # tern lists the image, its layers and, without a version, what layers below took away or replaced; it reads
    # the system's package database and no Go binary, and writes no package URLs.
    (LEVANT, "tern"): (19, 14, 0),
    (MONGODB, "tern"): (44, 23, 0),
}

# How many (name, version) pairs two generators have in common.
SHARED = {
    (LEVANT, "syft", "trivy"): 72,
    (LEVANT, "syft", "tern"): 14,
    (LEVANT, "trivy", "tern"): 14,
    (MONGODB, "syft", "trivy"): 23,
    (MONGODB, "syft", "tern"): 23,
    (MONGODB, "trivy", "tern"): 23,
}


def described(fixtures: Path, image: str, generator: str) -> Sbom:
    folder = fixtures / "sbom" / "chainguard-dev_bom-shelter"
    (path,) = folder.glob(f"spdx-{generator}-{image}-*.json")
    return reading.read(path.read_bytes())


def versions(sbom: Sbom) -> set[tuple[str, str]]:
    """What a generator says is in the image, as name and version."""
    return {(c.name, c.version) for c in sbom.components}


@pytest.mark.parametrize(("image", "generator"), COUNTS)
def test_each_generator_gives_the_count_that_was_measured(fixtures: Path, image: str, generator: str) -> None:
    said = described(fixtures, image, generator).components
    found = (len(said), sum(bool(c.version) for c in said), sum(c.purl is not None for c in said))
    assert found == COUNTS[image, generator]


@pytest.mark.parametrize(("image", "one", "other"), SHARED)
def test_two_generators_share_what_was_measured(fixtures: Path, image: str, one: str, other: str) -> None:
    shared = versions(described(fixtures, image, one)) & versions(described(fixtures, image, other))
    assert len(shared) == SHARED[image, one, other]


@pytest.mark.parametrize(("image", "count"), [(LEVANT, 14), (MONGODB, 23)])
def test_the_system_packages_are_the_same_to_all_that_look_inside(
    fixtures: Path, image: str, count: int
) -> None:
    """syft, trivy and tern read the same package database: every package in it is in each, in one version."""
    looked = [versions(described(fixtures, image, g)) for g in ("syft", "trivy", "tern")]
    shared = looked[0] & looked[1] & looked[2]
    assert len(shared) == count
    purls = [
        c for c in described(fixtures, image, "syft").components if (c.purl or "").startswith("pkg:alpine/")
    ]
    assert {(c.name, c.version) for c in purls} == shared


@pytest.mark.parametrize(
    ("image", "syft", "trivy"),
    [
        (
            LEVANT,
            # syft takes the Go program itself for a module, and the busybox binary for a package of its own.
            {("busybox", "1.34.1"), ("github.com/hashicorp/levant", "v0.0.0-20221021065053-f00b441f4f9c")},
            # trivy names the image, its operating system and the kind of file that modules were found in.
            {("alpine", "3.15.6"), ("gobinary", ""), (f"hashicorp/levant@sha256:{DIGEST}", "")},
        ),
    ],
)
def test_syft_and_trivy_differ_in_what_is_no_package_of_the_system(
    fixtures: Path, image: str, syft: set[tuple[str, str]], trivy: set[tuple[str, str]]
) -> None:
    one, other = (versions(described(fixtures, image, g)) for g in ("syft", "trivy"))
    assert (one - other, other - one) == (syft, trivy)


@pytest.mark.parametrize("image", [LEVANT, MONGODB])
def test_what_only_looks_at_layers_shares_nothing_with_what_looks_inside(fixtures: Path, image: str) -> None:
    layers = versions(described(fixtures, image, "bom"))
    assert all(name.startswith("sha256:") and not version for name, version in layers)
    assert not any(layers & versions(described(fixtures, image, g)) for g in ("syft", "trivy", "tern"))
