"""Components that an advisory is about, in the spellings in which generators and databases name them: each was once
called neither confirmed nor possible."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from vouchsafe.sbom import advisories, joins, match, purl, ranges, reading
from vouchsafe.sbom.model import Component

UP_TO_99 = [{"introduced": "0"}, {"fixed": "99.0.0"}]


def osv(package: dict[str, str], events: list[dict[str, str]] = UP_TO_99, **more: Any) -> dict[str, Any]:
    type_ = "SEMVER" if package.get("ecosystem") in ("npm", "Go", "crates.io") else "ECOSYSTEM"
    entry: dict[str, Any] = {"package": package, "ranges": [{"type": type_, "events": events}]}
    entry |= more.pop("entry", {})
    return {"id": "T-1", "modified": "2026-01-01T00:00:00Z", "affected": [entry], **more}


def of(ecosystem: str, name: str) -> dict[str, Any]:
    return osv({"ecosystem": ecosystem, "name": name})


def cve(**product: Any) -> dict[str, Any]:
    product.setdefault(
        "versions", [{"version": "0", "lessThan": "99.0.0", "versionType": "semver", "status": "affected"}]
    )
    return {
        "dataType": "CVE_RECORD",
        "dataVersion": "5.1",
        "cveMetadata": {"cveId": "CVE-2026-1234", "state": "PUBLISHED"},
        "containers": {"cna": {"affected": [{"defaultStatus": "unaffected", **product}]}},
    }  # fmt: skip


def github(name: str, held: str, patched: str) -> dict[str, Any]:
    one = {"package": {"ecosystem": "npm", "name": name}, "vulnerable_version_range": held}
    return {"ghsa_id": "GHSA-mhpp-875w-9cpv", "vulnerabilities": [{**one, "first_patched_version": patched}]}


def found(component: Component, told: dict[str, Any]) -> list[tuple[str, str]]:
    read = advisories.read_all(json.dumps(told).encode())
    return [(m.certainty, m.reason) for m in match.matches([component], read)]


SPELLINGS = {
    "Syft writes a Go module's fourth part as a subpath": (
        Component("github.com/foo/bar/v2", "v2.1.0", "pkg:golang/github.com/foo/bar@v2.1.0#v2"),
        of("Go", "github.com/foo/bar/v2"),
        "possible",
    ),
    "cyclonedx-gomod calls the standard library std": (
        Component("std", "1.17.0", "pkg:golang/std@1.17.0"),
        of("Go", "stdlib"),
        "confirmed",
    ),
    "no distribution": (
        Component("openssl", "3.0", "pkg:deb/openssl@3.0"),
        of("Debian:12", "openssl"),
        "possible",
    ),
    "no rpm distribution": (
        Component("openssl", "3.0", "pkg:rpm/openssl@3.0"),
        of("Rocky Linux:9", "openssl"),
        "possible",
    ),
    "no group": (
        Component("log4j-core", "2.14", "pkg:maven/log4j-core@2.14"),
        of("Maven", "org.apache.logging.log4j:log4j-core"),
        "possible",
    ),
    "a group on one side only": (
        Component("core", "2.14", "pkg:maven/org.x/core@2.14"),
        cve(packageName="core", collectionURL="https://repo.maven.apache.org/maven2"),
        "possible",
    ),
    "os-release says rhel": (
        Component("openssl", "3.0-1", "pkg:rpm/rhel/openssl@3.0-1"),
        of("Red Hat:enterprise_linux:9::appstream", "openssl"),
        "possible",
    ),
    "os-release says sles": (
        Component("curl", "3.0-1", "pkg:rpm/sles/curl@3.0-1"),
        of("SUSE:Linux Enterprise Server 15 SP5", "curl"),
        "possible",
    ),
    "os-release says opensuse-leap": (
        Component("curl", "3.0-1", "pkg:rpm/opensuse-leap/curl@3.0-1"),
        of("openSUSE:Leap 15.5", "curl"),
        "possible",
    ),
    "os-release says mariner": (
        Component("curl", "3.0-1", "pkg:rpm/mariner/curl@3.0-1"),
        of("Azure Linux:2", "curl"),
        "possible",
    ),
    "the source rpm in upstream": (
        Component("libcurl4", "3-1", "pkg:rpm/suse/libcurl4@3-1?upstream=curl-3-1.src.rpm"),
        of("SUSE:Linux Enterprise Server 15 SP5", "curl"),
        "possible",
    ),
    "SUSE's binaries of a source": (
        Component("libcurl4", "3-1", "pkg:rpm/suse/libcurl4@3-1"),
        osv(
            {"ecosystem": "SUSE:Linux Enterprise Server 15 SP5", "name": "curl"},
            entry={"ecosystem_specific": {"binaries": [{"libcurl4": "3-2", "curl": "3-2"}]}},
        ),
        "possible",
    ),
    "Ubuntu's binaries of a source": (
        Component("libssl3", "3.0", "pkg:deb/ubuntu/libssl3@3.0"),
        osv(
            {"ecosystem": "Ubuntu:22.04:LTS", "name": "openssl"},
            entry={"ecosystem_specific": {"binaries": [{"binary_name": "libssl3", "binary_version": "4"}]}},
        ),
        "possible",
    ),
    "a binary package beside its source": (
        Component("libssl3", "3.0", "pkg:deb/debian/libssl3@3.0?upstream=openssl"),
        of("Debian:12", "libssl3"),
        "possible",
    ),
    "the signed kernel's source": (
        Component("linux-image-amd64", "6.1.55-1",
                  "pkg:deb/debian/linux-image-amd64@6.1.55-1?upstream=linux-signed-amd64%406.1.55%2B1"),
        of("Debian:12", "linux"),
        "possible",
    ),
    "the source of a Debian package beside its URL": (
        Component("libssl3", "3.0.11-1~deb12u2", "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.4",
                  source="openssl@3.0.11-1~deb12u2"),
        of("Debian:12", "openssl"),
        "confirmed",
    ),
    "the source of an Alpine package beside its URL": (
        Component("libcrypto3", "3.1.4-r5", "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=3.19.1",
                  source="openssl"),
        of("Alpine:v3.19", "openssl"),
        "confirmed",
    ),
    "the source of an rpm beside its URL": (
        Component("openssl-libs", "1:3.0.7-24.el9", "pkg:rpm/rocky/openssl-libs@3.0.7-24.el9?distro=rocky-9.3&epoch=1",
                  source="openssl@1:3.0.7-24.el9"),
        of("Rocky Linux:9", "openssl"),
        "possible",
    ),
    "a binary package beside the source that is named beside its URL": (
        Component("libssl3", "3.0", "pkg:deb/debian/libssl3@3.0", source="openssl"),
        of("Debian:12", "libssl3"),
        "possible",
    ),
    "a product of the name of an rpm's source": (
        Component("openssl-libs", "3.0-1", "pkg:rpm/rocky/openssl-libs@3.0-1", source="openssl@3.0-1"),
        cve(vendor="OpenSSL", product="OpenSSL"),
        "possible",
    ),
    "an epoch beside the version of a Debian package's URL": (
        Component("tar", "1:99.1-1", "pkg:deb/debian/tar@99.1-1?distro=debian-12&epoch=1"),
        osv({"ecosystem": "Debian:12", "name": "tar"}, [{"introduced": "1:0"}, {"fixed": "1:100"}]),
        "confirmed",
    ),
    "a release without its second number": (
        Component("openssl", "3.0", "pkg:deb/ubuntu/openssl@3.0?distro=ubuntu-22"),
        of("Ubuntu:22.04:LTS", "openssl"),
        "possible",
    ),
    "Syft's URL of an action": (
        Component("actions/checkout", "v4.1.0", "pkg:github/actions/checkout@v4.1.0"),
        of("GitHub Actions", "actions/checkout"),
        "possible",
    ),
    "a vendor of a Conan recipe": (
        Component("openssl", "3.0.1", "pkg:conan/openssl.org/openssl@3.0.1"),
        of("ConanCenter", "openssl"),
        "confirmed",
    ),
    "a Swift package by its repository's address": (
        Component("swift-nio", "2.0.0", "pkg:swift/github.com/apple/swift-nio@2.0.0"),
        of("SwiftURL", "https://github.com/apple/swift-nio.git"),
        "confirmed",
    ),
    "a record that names a repository": (
        Component("bar", "1.0.0", "pkg:npm/bar@1.0.0"),
        cve(product="bar", packageURL="pkg:github/foo/bar"),
        "possible",
    ),
    "a record that names a repository and a registry": (
        Component("baz", "1.0.0", "pkg:npm/baz@1.0.0"),
        cve(
            packageName="baz",
            collectionURL="https://registry.npmjs.org",
            packageURL="pkg:github/foo/bar",
        ),
        "possible",
    ),
    "Go's records name packages of a module": (
        Component("golang.org/x/net", "v0.1.0", "pkg:golang/golang.org/x/net@v0.1.0"),
        cve(packageName="golang.org/x/net/http2", collectionURL="https://pkg.go.dev"),
        "possible",
    ),
    "Go's records name packages of the standard library": (
        Component("stdlib", "1.17.0", "pkg:golang/stdlib@1.17.0"),
        cve(packageName="net/http", collectionURL="https://pkg.go.dev"),
        "confirmed",
    ),
    "nothing but a repository's commits": (
        Component("openssl", "3.0.1", "pkg:github/openssl/openssl@3.0.1"),
        {"id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"ranges": [
            {"type": "GIT", "repo": "https://github.com/openssl/openssl.git", "events": [{"introduced": "0"}]}
        ]}]},
        "possible",
    ),
    "a name with spaces": (
        Component("spring_framework", "5.0"),
        cve(product="Spring Framework"),
        "possible",
    ),
    "two versions of one component": (
        Component("a", "1.0.0", "pkg:npm/a@100.0.0"),
        of("npm", "a"),
        "possible",
    ),
    "a pre-release of nothing": (
        Component("a", "v0.0.0-20210101000000-abcdefabcdef", "pkg:golang/x.org/a@v0.0.0-20210101000000-abcdefabcdef"),
        osv({"ecosystem": "Go", "name": "x.org/a"}, [{"introduced": "0.0.0"}, {"fixed": "1.0.0"}]),
        "possible",
    ),
    "an rpm without its epoch": (
        Component("a", "2.0-1", "pkg:rpm/redhat/a@2.0-1"),
        osv({"ecosystem": "Red Hat:enterprise_linux:9::appstream", "name": "a"},
            [{"introduced": "1:1.0-1"}, {"fixed": "1:3.0-1"}]),
        "possible",
    ),
    "a distribution's revision of the last affected version": (
        Component("a", "3.1.1-r0", "pkg:apk/alpine/a@3.1.1-r0"),
        osv({"ecosystem": "Alpine:v3.19", "name": "a"}, [{"introduced": "0"}, {"last_affected": "3.1.1"}]),
        "possible",
    ),
    "a distribution's revision of a listed version": (
        Component("a", "3.1.1-1", "pkg:deb/debian/a@3.1.1-1"),
        osv({"ecosystem": "Debian:12", "name": "a"}, entry={"ranges": [], "versions": ["3.1.0", "3.1.1"]}),
        "possible",
    ),
    "a withdrawal at no time": (
        Component("a", "1.0.0", "pkg:npm/a@1.0.0"),
        osv({"ecosystem": "npm", "name": "a"}, withdrawn="no"),
        "confirmed",
    ),
    "a fix below what is said to be affected": (
        Component("a", "1.2.0", "pkg:npm/a@1.2.0"),
        github("a", ">= 1.0.0, <= 1.2.1", "1.1.9"),
        "confirmed",
    ),
    "a range from a version to below itself": (
        Component("a", "1.0.0", "pkg:npm/a@1.0.0"),
        cve(
            packageName="a",
            collectionURL="https://registry.npmjs.org",
            versions=[{"version": "1.0.0", "lessThan": "1.0.0", "versionType": "semver", "status": "affected"}],
        ),
        "possible",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPELLINGS)
def test_a_component_is_found_as_it_is_spelt(case: str) -> None:
    component, told, certainty = SPELLINGS[case]
    assert [c for c, _ in found(component, told)] == [certainty]


@pytest.mark.parametrize(
    "component, told",
    [
        # A URL that lacks its namespace still says which kind of package it is.
        (Component("openssl", "3.0", "pkg:deb/openssl@3.0"), of("npm", "openssl")),
        # The version beside a package URL is the same one in other words.
        (Component("a", "v100.0.0", "pkg:npm/a@100.0.0"), of("npm", "a")),
        # A fix above what is said to be affected ends the range.
        (
            Component("a", "1.3.0", "pkg:npm/a@1.3.0"),
            github("a", ">= 1.0.0, <= 1.2.1", "1.3.0"),
        ),
        # An epoch that is said counts.
        (
            Component("a", "2:2.0-1", "pkg:rpm/redhat/a@2.0-1?epoch=2"),
            osv({"ecosystem": "Red Hat:enterprise_linux:9::appstream", "name": "a"},
                [{"introduced": "1:1.0-1"}, {"fixed": "1:3.0-1"}]),
        ),
        # Alpine's revisions count where the advisory has them.
        (
            Component("a", "3.1.1-r1", "pkg:apk/alpine/a@3.1.1-r1"),
            osv({"ecosystem": "Alpine:v3.19", "name": "a"}, [{"introduced": "0"}, {"fixed": "3.1.1-r1"}]),
        ),
        # The URL's own source counts before the one beside it, and what is of no distribution has none.
        (
            Component("libssl3", "3.0", "pkg:deb/debian/libssl3@3.0?upstream=openssl", source="other"),
            of("Debian:12", "other"),
        ),
        (
            Component("libs", "3-1", "pkg:rpm/rocky/libs@3-1?upstream=openssl-3-1.src.rpm", source="other"),
            of("Rocky Linux:9", "other"),
        ),
        (Component("a", "1.0.0", "pkg:npm/a@1.0.0", source="other"), of("npm", "other")),
        # The version of the source is compared, and the epoch beside the URL's version counts.
        (
            Component("libxcrypt1", "99.1-1", "pkg:deb/debian/libxcrypt1@99.1-1", source="libxcrypt@1:99.1-1"),
            osv({"ecosystem": "Debian:12", "name": "libxcrypt"}, [{"introduced": "0"}, {"fixed": "1:99"}]),
        ),
        (
            Component("acl", "1:2.2-1", "pkg:rpm/rocky/acl@2.2-1?epoch=1", source="acl@1:2.2-1"),
            osv({"ecosystem": "Rocky Linux:9", "name": "acl"}, [{"introduced": "0"}, {"fixed": "1:2.0-1"}]),
        ),
        # Another module of the same repository.
        (Component("bar", "v2.1.0", "pkg:golang/github.com/foo/bar@v2.1.0"), of("Go", "github.com/foo/bar/v2")),
        # Another package of the same host.
        (
            Component("y", "v0.1.0", "pkg:golang/golang.org/x/y@v0.1.0"),
            cve(packageName="golang.org/x/net/http2", collectionURL="https://pkg.go.dev"),
        ),
    ],
)  # fmt: skip
def test_what_an_advisory_is_not_about_stays_out(component: Component, told: dict[str, Any]) -> None:
    assert found(component, told) == []


TRIVY = [
    ("pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.4", "3.0.11-1~deb12u2",
     {"SrcName": "openssl", "SrcVersion": "3.0.11", "SrcRelease": "1~deb12u2"}, "openssl@3.0.11-1~deb12u2",
     of("Debian:12", "openssl"), "confirmed"),
    ("pkg:deb/ubuntu/libcrypt1@4.4.27-1?distro=ubuntu-22.04&epoch=1", "1:4.4.27-1",
     {"SrcName": "libxcrypt", "SrcVersion": "4.4.27", "SrcRelease": "1", "SrcEpoch": "1"}, "libxcrypt@1:4.4.27-1",
     osv({"ecosystem": "Ubuntu:22.04:LTS", "name": "libxcrypt"}, [{"introduced": "1:4"}, {"fixed": "1:5"}]),
     "confirmed"),
    ("pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=3.19.1", "3.1.4-r5",
     {"SrcName": "openssl", "SrcVersion": "3.1.4-r5"}, "openssl@3.1.4-r5",
     of("Alpine:v3.19", "openssl"), "confirmed"),
    ("pkg:rpm/rocky/openssl-libs@3.0.7-24.el9?arch=x86_64&distro=rocky-9.3&epoch=1", "1:3.0.7-24.el9",
     {"SrcName": "openssl", "SrcVersion": "3.0.7", "SrcRelease": "24.el9", "SrcEpoch": "1"}, "openssl@1:3.0.7-24.el9",
     of("Rocky Linux:9", "openssl"), "possible"),
]  # fmt: skip
IDS = ["deb", "epoch", "apk", "rpm"]


def cyclonedx_json(url: str, version: str, properties: dict[str, str]) -> bytes:
    said = [
        {"name": f"aquasecurity:trivy:{k}", "value": v} for k, v in {"PkgType": "os", **properties}.items()
    ]
    part = {
        "type": "library",
        "name": purl.parts(url).name,
        "version": version,
        "purl": url,
        "properties": said,
    }
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [part]}).encode()


def cyclonedx_xml(url: str, version: str, properties: dict[str, str]) -> bytes:
    said = "".join(f'<property name="aquasecurity:trivy:{k}">{v}</property>' for k, v in properties.items())
    return (
        f'<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"><components><component type="library"><name>'
        f"{purl.parts(url).name}</name><version>{version}</version><purl>{url.replace('&', '&amp;')}</purl>"
        f"<properties>{said}</properties></component></components></bom>"
    ).encode()


def sentence(source: str) -> str:
    return f"built package from: {source.replace('@', ' ')}"


def spdx_json(url: str, version: str, said: str) -> bytes:
    reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}
    package = {
        "name": purl.parts(url).name,
        "SPDXID": "SPDXRef-p",
        "versionInfo": version,
        "sourceInfo": said,
    }
    return json.dumps(
        {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "packages": [{**package, "externalRefs": [reference]}]}
    ).encode()  # fmt: skip


def spdx_yaml(url: str, version: str, said: str) -> bytes:
    return yaml.safe_dump(json.loads(spdx_json(url, version, said)), sort_keys=False).encode()


def spdx_xml(url: str, version: str, said: str) -> bytes:
    reference = (
        f"<referenceType>purl</referenceType><referenceLocator>{url.replace('&', '&amp;')}</referenceLocator>"
    )
    return (
        "<Document><spdxVersion>SPDX-2.3</spdxVersion><SPDXID>SPDXRef-DOCUMENT</SPDXID><packages>"
        f"<name>{purl.parts(url).name}</name><SPDXID>SPDXRef-p</SPDXID><versionInfo>{version}</versionInfo><sourceInfo>"
        f"{said}</sourceInfo><externalRefs>{reference}</externalRefs></packages></Document>"
    ).encode()


def spdx_tag_value(url: str, version: str, said: str) -> bytes:
    return (
        f"SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\nPackageName: {purl.parts(url).name}\nSPDXID: SPDXRef-p\n"
        f"PackageVersion: {version}\nPackageSourceInfo: {said}\nExternalRef: PACKAGE-MANAGER purl {url}\n"
    ).encode()


CYCLONEDX = [cyclonedx_json, cyclonedx_xml]
SPDX = [spdx_json, spdx_yaml, spdx_xml, spdx_tag_value]


@pytest.mark.parametrize("written", CYCLONEDX + SPDX)
@pytest.mark.parametrize("url, version, properties, source, told, certainty", TRIVY, ids=IDS)
def test_the_source_that_trivy_names_beside_the_package_url(
    written: Any, url: str, version: str, properties: dict[str, str], source: str, told: dict[str, Any], certainty: str
) -> None:  # fmt: skip
    data = written(url, version, properties if written in CYCLONEDX else sentence(source))
    [component] = reading.read(data).components
    assert (component.purl, component.source) == (url, source)
    assert [c for c, _ in found(component, told)] == [certainty]
    assert found(replace(component, source=""), told) == []


@pytest.mark.parametrize("written", SPDX)
@pytest.mark.parametrize(
    "said, source",
    [
        ("built package from: openssl", "openssl"),
        ("built package from: openssl (3.0.11) 3.0.11-1", ""),
        ("It was built package from: openssl 3.0.11-1", ""),
        ("package found in: package-lock.json", ""),
    ],
)
def test_only_the_exact_sentence_of_spdx_names_a_source(written: Any, said: str, source: str) -> None:
    if written is spdx_tag_value:
        said = f"<text>{said}</text>"
    [component] = reading.read(written(TRIVY[0][0], "3.0", said)).components
    assert component.source == source


@pytest.mark.parametrize(
    "url, properties, source",
    [
        (TRIVY[0][0], {"SrcName": "openssl"}, "openssl"),
        (TRIVY[0][0], {"SrcName": "openssl", "SrcVersion": "3.0", "SrcEpoch": "0"}, "openssl@3.0"),
        (TRIVY[0][0], {"SrcName": "openssl", "SrcEpoch": "1", "SrcRelease": "1"}, "openssl"),
        (TRIVY[0][0], {"SrcVersion": "3.0"}, ""),
        ("pkg:npm/a@1.0.0", {"SrcName": "openssl", "SrcVersion": "3.0"}, ""),
    ],
)
@pytest.mark.parametrize("written", CYCLONEDX)
def test_a_source_that_properties_name_in_part(
    written: Any, url: str, properties: dict[str, str], source: str
) -> None:
    [component] = reading.read(written(url, "1.0.0", properties)).components
    assert component.source == source


@pytest.mark.parametrize(
    "properties", [None, "x", [None], [{"name": 1, "value": "a"}, {"name": "aquasecurity:trivy:SrcName", "value": 1}]]
)  # fmt: skip
def test_properties_that_are_none_name_no_source(properties: Any) -> None:
    bom = json.loads(cyclonedx_json(TRIVY[0][0], "3.0", {}))
    bom["components"][0]["properties"] = properties
    [component] = reading.read(json.dumps(bom).encode()).components
    assert component.source == ""


def test_why_a_package_urls_other_reading_is_only_possible() -> None:
    component, told, _ = SPELLINGS["Syft writes a Go module's fourth part as a subpath"]
    assert found(component, told) == [
        ("possible", "github.com/foo/bar/v2 v2.1.0 is in >=0, <99.0.0, but its package URL may be of"
         " pkg:golang/github.com/foo/bar or of pkg:golang/github.com/foo/bar/v2")
    ]  # fmt: skip
    assert "pkg:golang/github.com/foo/bar/v2" in joins.component_keys(component)


def test_two_versions_of_one_component_have_no_coarse_key() -> None:
    component, told, _ = SPELLINGS["two versions of one component"]
    assert component.identity().coarse is None
    [(_, reason)] = found(component, told)
    assert reason == "a 100.0.0 has the version 1.0.0 besides; one of the two is in >=0, <99.0.0"


def test_every_package_url_of_a_csaf_product_counts(two_urls: dict[str, Any]) -> None:
    for url in ("pkg:npm/one@1.0.0", "pkg:npm/two@1.0.0"):
        component = Component(purl.parse(url).name, "1.0.0", url)
        assert [c for c, _ in found(component, two_urls)] != []


@pytest.fixture
def two_urls() -> dict[str, Any]:
    """A CSAF 2.1 document whose one product has two package URLs."""
    return {
        "document": {
            "category": "csaf_security_advisory", "csaf_version": "2.1", "title": "t",
            "distribution": {"tlp": {"label": "CLEAR"}},
            "publisher": {"category": "vendor", "name": "n", "namespace": "https://example.com"},
            "tracking": {"id": "X-1", "status": "final", "version": "1",
                         "current_release_date": "2026-01-01T00:00:00Z",
                         "initial_release_date": "2026-01-01T00:00:00Z",
                         "revision_history": [{"date": "2026-01-01T00:00:00Z", "number": "1", "summary": "s"}]},
        },
        "product_tree": {"full_product_names": [{"name": "n", "product_id": "P1", "product_identification_helper":
                         {"purls": ["pkg:npm/one@1.0.0", "pkg:npm/two@1.0.0"]}}]},
        "vulnerabilities": [{"cve": "CVE-2026-1", "product_status": {"known_affected": ["P1"]}}],
    }  # fmt: skip


def test_a_package_with_two_package_urls_is_found_by_each() -> None:
    one = Component("a", "1.0.0", "pkg:npm/a@1.0.0", also=("pkg:npm/b@1.0.0", "pkg:pypi/c@1.0.0"))
    for name, ecosystem in (("a", "npm"), ("b", "npm"), ("c", "PyPI")):
        assert [c for c, _ in found(one, of(ecosystem, name))] == ["confirmed"]
    assert found(one, of("npm", "c")) == []
    read = advisories.read_all(
        json.dumps(of("npm", "a") | {"affected": of("npm", "a")["affected"] * 2}).encode()
    )
    assert len(list(match.matches([one], [*read, *read]))) == 1


def test_a_version_without_an_epoch_is_a_candidate_of_a_range_with_one() -> None:
    component, told, _ = SPELLINGS["an rpm without its epoch"]
    [(_, reason)] = found(component, told)
    assert reason == "a 2.0-1: 2.0-1 says no epoch, and with the advisory's it is in >=1:1.0-1, <1:3.0-1"
    [read] = advisories.read_all(json.dumps(told).encode())
    low, high = ranges.bounds(read.affected[0])
    coarse = component.identity().coarse
    assert coarse is not None and (low or "") <= coarse and (high is None or coarse <= high)
