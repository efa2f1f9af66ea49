"""What embedded devices are made of, in the spellings of Yocto, Buildroot, Zephyr, ESP-IDF, Conan, vcpkg and hand-made
lists, against advisories in the spellings of databases: never neither confirmed nor possible, never confirmed by name."""

import json
from typing import Any

import pytest

from tests.sbom.test_match_missed import cve, found, of, osv
from vouchsafe.sbom import advisories, joins, match, reading, spellings
from vouchsafe.sbom.model import Component

CPE = "cpe:2.3:{}:{}:*:*:*:*:*:*:*"


def nvd(product: str, below: str = "99.0.0", part: str = "a") -> dict[str, Any]:
    criteria = CPE.format(part, f"{product}:*")
    vulnerable = {"vulnerable": True, "criteria": criteria, "versionEndExcluding": below}
    return {
        "id": "CVE-2026-1234",
        "vulnStatus": "Analyzed",
        "configurations": [{"nodes": [{"operator": "OR", "negate": False, "cpeMatch": [vulnerable]}]}],
    }


def cpe(product: str, version: str = "1.0", part: str = "a") -> str:
    return CPE.format(part, f"{product}:{version}")


def commits(repo: str) -> dict[str, Any]:
    ranges = [{"type": "GIT", "repo": repo, "events": [{"introduced": "0"}]}]
    return {"id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"ranges": ranges}]}


def csaf(name: str, *, vendor: str = "", cpe: str = "") -> dict[str, Any]:
    """A CSAF 2.0 document about one product, named in words, and by CPE where one is given."""
    product: dict[str, Any] = {"name": name, "product_id": "P1"}
    if cpe:
        product["product_identification_helper"] = {"cpe": cpe}
    tree: dict[str, Any] = {"full_product_names": [product]}
    if vendor:
        line = {"category": "product_name", "name": name, "product": product}
        tree = {"branches": [{"category": "vendor", "name": vendor, "branches": [line]}]}
    at = "2026-01-01T00:00:00Z"
    tracking = {"id": "X-1", "status": "final", "version": "1", "current_release_date": at, "initial_release_date": at,
                "revision_history": [{"date": at, "number": "1", "summary": "s"}]}  # fmt: skip
    publisher = {"category": "vendor", "name": "n", "namespace": "https://example.com"}
    document = {
        "category": "csaf_security_advisory",
        "csaf_version": "2.0",
        "title": "t",
        "publisher": publisher,
    }
    return {
        "document": {**document, "tracking": tracking},
        "product_tree": tree,
        "vulnerabilities": [{"cve": "CVE-2026-1", "product_status": {"known_affected": ["P1"]}}],
    }


KERNEL = nvd("linux:linux_kernel", "6.2", "o")
KERNELS_OWN = cve(vendor="Linux", product="Linux")
ANDROID = {"ecosystem": "Android", "name": ":linux_kernel:"}
OPENSSL = nvd("openssl:openssl", "3.0.9")
MBEDTLS = nvd("arm:mbed_tls")

POSSIBLE = {
    # Yocto: CVE_PRODUCT names a product, mostly of any vendor, in any part.
    "recipe with a product of any vendor": (Component("tiff", "4.5", cpe=cpe("*:libtiff", part="*")), nvd("libtiff:libtiff")),
    "product of a vendor that is another today": (Component("x", "3", cpe=cpe("arm:mbed_tls")), nvd("trustedfirmware:mbed_tls")),
    "product that GitHub's database knows": (Component("x", "2.0", cpe=cpe("*:requests")), of("PyPI", "requests")),
    "native": (Component("openssl-native", "3.0.8"), OPENSSL),
    "nativesdk": (Component("nativesdk-openssl", "3.0.8"), OPENSSL),
    "multilib": (Component("lib32-openssl", "3.0.8"), OPENSSL),
    "multilib of a part": (Component("lib32-openssl-dev", "3.0.8"), OPENSSL),
    "cross": (Component("gcc-cross-aarch64", "12.2"), nvd("gnu:gcc")),
    "cross-canadian": (Component("gdb-cross-canadian-arm", "12"), nvd("gnu:gdb")),
    "split package": (Component("busybox-staticdev", "1.36.1-r0"), nvd("busybox:busybox")),
    "Yocto's version": (Component("u-boot", "2023.04+gitAUTOINC+abc_def-r0"), nvd("denx:u-boot")),
    "a recipe of a Python package": (Component("python3-requests", "2.30.0"), osv({"ecosystem": "PyPI", "name": "requests"}, [
        {"introduced": "2.3.0"}, {"fixed": "2.31.0"}])),
    "a native recipe of a Python package": (Component("python3-requests-native", "2.30.0"), of("PyPI", "requests")),
    "a Ruby recipe": (Component("ruby-rack", "2.0"), of("RubyGems", "rack")),
    "a recipe's version as Yocto writes commits": (Component("python3-a", "1.0+git0+abc"), of("PyPI", "a")),
    "Yocto's own package URL": (Component("x", "3.0.8", "pkg:yocto/core/openssl@3.0.8"), OPENSSL),
    "a number that is the version's": (Component("python3", "3.11.4"), nvd("python:python")),
    "two numbers of the version": (Component("gstreamer1.0", "1.22.3"), nvd("gstreamer_project:gstreamer")),
    "a number behind a hyphen": (Component("glib-2.0", "2.76.3"), nvd("gnome:glib")),
    # The kernel under its many names.
    "linux-yocto": (Component("linux-yocto", "6.1.38+gitAUTOINC+b110cf9bbc_a456e17438-r0"), KERNEL),
    "a vendor's kernel": (Component("linux-imx", "v5.15.71"), KERNEL),
    "a vendor's kernel, of the kernel's own CNA": (Component("linux-fslc", "6.1"), KERNELS_OWN),
    "a vendor's kernel of a branch": (Component("linux-imx", "lf-5.15.y"), KERNEL),
    "a vendor's kernel of a commit": (Component("linux-ti-staging", "5e3f1c2a"), KERNEL),
    "Buildroot's headers": (Component("linux-headers", "6.1.38"), KERNEL),
    "by the CPE of any vendor": (Component("kernel-x", "6.1", cpe=cpe("*:linux_kernel", part="*")), KERNELS_OWN),
    "linux_kernel in words": (Component("Linux Kernel", "6.1"), KERNELS_OWN),
    "the kernel's release candidate": (Component("k", "6.1", cpe="cpe:2.3:o:linux:linux_kernel:6.1:rc3:*:*:*:*:*:*"), KERNEL),
    "Android's word": (Component("linux-raspberrypi", "6.1.21"), osv(ANDROID)),
    "Android's word with a vendor": (Component("linux_kernel", "6.1"), osv({**ANDROID, "name": ":linux_kernel:Qualcomm"})),
    # Buildroot.
    "host": (Component("host-openssl", "3.0.8"), OPENSSL),
    "Buildroot's CPE": (Component("apache", "2.4.57", cpe=cpe("apache:http_server", "2.4.57")), nvd("apache:http_server")),
    "a product in words": (Component("apache", "2.4", cpe=cpe("apache:http_server")),
                           cve(vendor="Apache Software Foundation", product="Apache HTTP Server")),
    # Zephyr: `west spdx`.
    "sources": (Component("zephyr-sources", "3.5.0"), nvd("zephyrproject:zephyr", part="o")),
    "a module's dependencies": (Component("mbedtls-deps", "3.5.0"), MBEDTLS),
    "a module by its repository": (Component("mbedtls", "", "pkg:github/zephyrproject-rtos/mbedtls@6ec4abdcda78dfc47315"), MBEDTLS),
    "Zephyr by its repository": (Component("zephyr", "v3.5.0", "pkg:github/zephyrproject-rtos/zephyr@v3.5.0"),
                                 cve(vendor="zephyrproject-rtos", product="Zephyr")),
    "a short commit of figures": (Component("z", "", "pkg:github/foo/z@1234567"), cve(product="z", packageURL="pkg:github/foo/z")),
    "a day": (Component("z", "2023-01-01", "pkg:generic/z@2023-01-01"), cve(product="z", packageURL="pkg:generic/z", versions=[
        {"version": "0", "lessThan": "2.0.0", "versionType": "semver", "status": "affected"}])),
    "a repository of a crate": (Component("heapless", "", "pkg:github/rust-embedded/heapless@v0.7.0"), of("crates.io", "heapless")),
    "a repository of a Go module": (Component("bar", "", "pkg:github/foo/bar@v1.0.0"), of("Go", "github.com/foo/bar")),
    "a repository of a Swift package": (Component("bar", "", "pkg:github/Foo/bar@1.0.0"), of("SwiftURL", "github.com/foo/bar")),
    "a repository with a path": (Component("zephyrproject-rtos/zephyr", "3.5"), commits("https://github.com/zephyrproject-rtos/zephyr")),
    # ESP-IDF.
    "ESP-IDF's CPE": (Component("mbedtls", "3.4.0", cpe=cpe("arm:mbed_tls", "3.4.0")), cve(vendor="Arm", product="Mbed TLS")),
    "ESP-IDF's namespace": (Component("espressif__mdns", "1.2"), cve(vendor="Espressif", product="mdns")),
    "a registry's namespace": (Component("espressif/mdns", "1.2"), cve(vendor="Espressif", product="mdns")),
    # Conan, vcpkg, GitHub, hand-made lists.
    "Conan's reference": (Component("openssl/3.0.8@acme/stable", ""), OPENSSL),
    "vcpkg's binary": (Component("openssl:x64-linux", "0123abcd"), OPENSSL),
    "vcpkg's resource": (Component("openssl/openssl", "openssl-3.0.8"), OPENSSL),
    "vcpkg's revision": (Component("openssl", "3.0.8#1"), OPENSSL),
    "GitHub's export": (Component("npm:lodash", "4.17.20"), of("npm", "lodash")),
    "a version in the name": (Component("openssl-3.0.8", ""), OPENSSL),
    "a version in the name, and beside": (Component("openssl_3.0.8", "3.0.8"), OPENSSL),
    "FreeRTOS's version": (Component("FreeRTOS V10.4.3", "V10.4.3"), nvd("amazon:freertos", part="o")),
    "FreeRTOS's date": (Component("FreeRTOSv202012", "202012.00"), nvd("amazon:freertos", part="o")),
    "with what it is": (Component("FreeRTOS Kernel V10.4.3", "V10.4.3"), nvd("amazon:freertos", part="o")),
    "without what it is": (Component("FreeRTOS", "10.4.3"), cve(vendor="Amazon", product="FreeRTOS-Kernel")),
    "the kernel in plain words": (Component("linux", "6.1"), cve(vendor="n/a", product="Linux Kernel")),
    "with lib": (Component("libcurl", "7.88"), nvd("haxx:curl")),
    "without lib": (Component("expat", "2.5.0"), nvd("libexpat_project:libexpat")),
    "without the hyphen": (Component("micro-ecc", "1.0"), nvd("x:micro_ecc")),
    "without spaces": (Component("mbedTLS", "3.4"), cve(vendor="Arm", product="Arm Mbed TLS")),
    "with a dot": (Component("nodejs", "18"), nvd("nodejs:node.js")),
    # CPEs.
    "a URI with escapes": (Component("x", "1", cpe="cpe:/a:acme:foo%2bbar:1.0"), nvd(r"acme:foo\+bar")),
    "a URI with an escaped colon": (Component("x", "1", cpe="cpe:/a:acme:foo%3abar:1.0"), nvd(r"acme:foo\:bar")),
    "a URI without a vendor": (Component("x", "1", cpe="cpe:/a::openssl:3.0.8"), OPENSSL),
    "a version in the CPE only": (Component("x", "", cpe=cpe("openssl:openssl", "3.0.8")), OPENSSL),
    # How records and documents name products.
    "a record's product beside its package": (Component("ESP-IDF", "5.1"), cve(packageName="bt", product="esp-idf")),
    "a record's package beside its product": (Component("bt", "5.1"), cve(packageName="bt", product="esp-idf")),
    "a record of a repository": (Component("lwip", "2.1"), cve(product="TCP stack", repo="https://git.example/lwip.git")),
    "CSAF's name with its version": (Component("openssl", "3.0.8"), csaf("OpenSSL 3.0.8")),
    "CSAF's name with a bound": (Component("openssl", "3.0.8"), csaf("OpenSSL < 3.0.9")),
    "CSAF's name with a number": (Component("vxworks", "7"), csaf("VxWorks 7")),
    "CSAF's name with its maker": (Component("mbedtls", "3.4.0"), csaf("Arm Mbed TLS v3.4.0", vendor="Arm Limited")),
    "CSAF's CPE": (Component("x", "1", cpe=cpe("*:vxworks", part="o")), csaf("Runtime", cpe="cpe:/o:windriver:vxworks:7")),
    # From elsewhere than the registry: a workspace's crate, a fork, a recipe of one's own.
    "a crate of the workspace": (Component("time", "", "pkg:cargo/time@0.1.0?download_url=file://."), of("crates.io", "time")),
    "a crate of a repository": (Component("time", "", "pkg:cargo/time@0.1.0?vcs_url=git%2Bhttps://x.example/time"),
                                of("crates.io", "time")),
    "a recipe of one's own": (Component("a", "", "pkg:conan/a@1.0?user=acme&channel=stable"), of("ConanCenter", "a")),
    # Versions that no order of Conan's has.
    "a Conan recipe without a release": (Component("a", "", "pkg:conan/a@cci.20220101"), osv({"ecosystem": "ConanCenter", "name": "a"}, [
        {"introduced": "0"}, {"fixed": "1.2"}])),
    "a Conan recipe of a tag": (Component("a", "", "pkg:conan/a@v1.1"), osv({"ecosystem": "ConanCenter", "name": "a"}, [
        {"introduced": "0"}, {"fixed": "1.2"}])),
}  # fmt: skip


@pytest.mark.parametrize("case", POSSIBLE)
def test_a_component_is_found_and_never_confirmed_by_name(case: str) -> None:
    component, told = POSSIBLE[case]
    assert [c for c, _ in found(component, told)] == ["possible"]


@pytest.mark.parametrize("case", POSSIBLE)
def test_a_database_finds_it_too(case: str) -> None:
    """As the fleet's candidates: a row's key is the component's package or one of its keys."""
    component, told = POSSIBLE[case]
    [advisory] = advisories.read_all(json.dumps(told).encode())
    who = component.identity()
    keys = {joins.stored(who.pkg), *joins.component_keys(component)}
    assert keys & {row.pkg for row in match.advisory_ranges(advisory)}


ABSENT = {
    "another language's package": (Component("python3-requests", "2.0"), of("npm", "requests")),
    "a Python package past its fix": (Component("python3-requests", "2.31.0"), osv({"ecosystem": "PyPI", "name": "requests"}, [
        {"introduced": "2.3.0"}, {"fixed": "2.31.0"}])),
    "no kernel's version": (Component("linux-pam", "1.5.3"), KERNELS_OWN),
    "no kernel, by its date": (Component("linux-firmware", "20230625"), KERNELS_OWN),
    "a product of another name": (Component("openssl-native", "3.0.8"), nvd("x:native")),
    "another version's number": (Component("bzip2", "1.0.8"), nvd("x:bzip")),
    "a part of a number": (Component("foo1", "10.2"), nvd("x:foo")),
    "a registry's package of another name": (Component("libcurl", "1.0.0", "pkg:npm/libcurl@1.0.0"), nvd("haxx:curl")),
    "a registry's native package": (Component("openssl-native", "1.0.0", "pkg:npm/openssl-native@1.0.0"), OPENSSL),
    "a repository and a distribution's package": (Component("time", "", "pkg:github/foo/time@v1.0"), of("Debian:12", "time")),
    "a repository and another's module": (Component("bar", "", "pkg:github/foo/bar@v1.0.0"), of("Go", "github.com/other/bar")),
    "a repository and another's action": (Component("bar", "", "pkg:github/foo/bar@v1.0.0"), of("GitHub Actions", "x/bar")),
    "a Go module past its fix": (Component("bar", "", "pkg:github/foo/bar@v99.0.0"), of("Go", "github.com/foo/bar")),
    "a CPE's product in a registry": (Component("x", "1.0.0", "pkg:npm/x@1.0.0", cpe("*:time")), of("crates.io", "time")),
    "another CPE and another name": (Component("x", "1", cpe=cpe("acme:bar")), nvd("acme:foo")),
    "a record's product, of a registry": (Component("bar", "1.0"),
                                          cve(packageName="foo", product="bar", collectionURL="https://registry.npmjs.org")),
    "lib of nothing": (Component("libc", "2.37"), nvd("x:c")),
    "a Conan recipe past its fix": (Component("a", "", "pkg:conan/a@1.2"), osv({"ecosystem": "ConanCenter", "name": "a"}, [
        {"introduced": "0"}, {"fixed": "1.2"}])),
}  # fmt: skip


@pytest.mark.parametrize("case", ABSENT)
def test_what_only_looks_alike_stays_out(case: str) -> None:
    component, told = ABSENT[case]
    assert found(component, told) == []


SPDX = "SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\n"
DOCUMENTS = {
    "Yocto": (
        json.dumps({"spdxVersion": "SPDX-2.2", "SPDXID": "SPDXRef-DOCUMENT", "packages": [
            {"name": "tiff", "SPDXID": "SPDXRef-Recipe-tiff", "versionInfo": "4.5.0", "downloadLocation": "NOASSERTION",
             "externalRefs": [{"referenceCategory": "SECURITY", "referenceType": "http://spdx.org/rdf/references/cpe23Type",
                               "referenceLocator": cpe("*:libtiff", "4.5.0", "*")}]}]}),
        nvd("libtiff:libtiff"),
    ),
    "west spdx": (
        f"{SPDX}PackageName: mbedtls-deps\nSPDXID: SPDXRef-mbedtls-deps\nPackageVersion: 3.5.0\n"
        "PackageDownloadLocation: NOASSERTION\nFilesAnalyzed: false\n"
        "ExternalRef: PACKAGE-MANAGER purl pkg:github/Mbed-TLS/mbedtls@V3.5.0\n"
        f"ExternalRef: SECURITY cpe23Type {cpe('arm:mbed_tls', '3.5.0')}\n",
        cve(vendor="Mbed", product="Mbed TLS"),
    ),
    "esp-idf-sbom": (
        f"{SPDX}PackageName: component-mbedtls\nSPDXID: SPDXRef-COMPONENT-mbedtls\nPackageVersion: 3.4.0\n"
        f"ExternalRef: SECURITY cpe23Type {cpe('arm:mbed_tls', '3.4.0')}\n",
        nvd("trustedfirmware:mbed_tls"),
    ),
    "Buildroot": (
        json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
            {"type": "library", "name": "gstreamer1", "version": "1.22.0", "cpe": cpe("gstreamer_project:gstreamer", "1.22.0")}]}),
        nvd("freedesktop:gstreamer"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("tool", DOCUMENTS)
def test_a_tools_document_is_matched(tool: str) -> None:
    text, told = DOCUMENTS[tool]
    [component] = reading.read(text.encode()).components
    assert [c for c, _ in found(component, told)] == ["possible"]


@pytest.mark.parametrize(
    "url, told",
    [
        ("pkg:conan/a@1.0?rrev=b1", of("ConanCenter", "a")),
        ("pkg:cargo/a@1.0.0?download_url=https://x.example/a.crate", of("crates.io", "a")),
        ("pkg:github/zephyrproject-rtos/zephyr@v3.5.0", cve(product="z", packageURL="pkg:github/zephyrproject-rtos/zephyr")),
        ("pkg:github/a/b@1234567", cve(product="b", packageURL="pkg:github/a/b", versions=[
            {"version": "1234567", "status": "affected"}])),
    ],
)  # fmt: skip
def test_what_says_where_it_is_from_is_confirmed(url: str, told: dict[str, Any]) -> None:
    assert [c for c, _ in found(Component("x", "", url), told)] == ["confirmed"]


def test_every_product_that_a_package_names_by_cpe_counts() -> None:
    """Yocto writes one for each word of CVE_PRODUCT, Syft all that it can think of."""
    named = [cpe("haxx:curl"), cpe("curl:curl"), cpe("haxx:libcurl"), cpe("x:lib_curl"), cpe("haxx:tool")]
    references = "".join(f"ExternalRef: SECURITY cpe23Type {one}\n" for one in named)
    old = "ExternalRef: SECURITY cpe22Type cpe:/a:haxx:curl:1.0\n"
    text = f"{SPDX}PackageName: x\nSPDXID: SPDXRef-x\nPackageVersion: 8.0\n{old}{references}"
    [component] = reading.read(text.encode()).components
    assert (component.cpe, component.also) == (cpe("haxx:curl"), (cpe("haxx:libcurl"), cpe("haxx:tool")))
    for product in ("haxx:curl", "curl:curl", "haxx:libcurl", "haxx:tool"):
        assert [c for c, _ in found(component, nvd(product))] == ["possible"]


def test_the_reasons_say_what_is_known() -> None:
    def reason(case: str) -> str:
        [(_, said)] = found(*POSSIBLE[case])
        return said

    assert reason("a recipe of a Python package") == (
        "python3-requests 2.30.0 is in >=2.3.0, <2.31.0, but only its name says that it is pkg:pypi/requests"
    )
    assert reason("a repository of a crate") == (
        "heapless v0.7.0 is pkg:github/rust-embedded/heapless, a repository; crates.io names heapless"
    )
    assert reason("a short commit of figures") == (
        "z 1234567: 1234567 is a commit or a day, which releases' versions have no order with"
    )
    assert "; its CPE is of arm mbed_tls, the advisory's of trustedfirmware mbed_tls" in reason(
        "product of a vendor that is another today"
    )


def test_a_package_with_two_cpes_is_found_by_each() -> None:
    one = Component("x", "8.0", cpe=cpe("haxx:curl"), also=(cpe("haxx:tool"), "pkg:generic/y@8.0"))
    assert [(c.cpe, c.purl) for c in one.by_each_url()] == [
        (cpe("haxx:curl"), None), (cpe("haxx:tool"), None), (cpe("haxx:curl"), "pkg:generic/y@8.0")
    ]  # fmt: skip
    for product in ("haxx:curl", "haxx:tool", "x:y"):
        assert [c for c, _ in found(one, nvd(product))] == ["possible"]
    assert found(one, nvd("haxx:other")) == []


@pytest.mark.parametrize(
    "name", ["", "-", "___", ":", "/", "@", "lib", "host-", "-native", "1.2", "a" * 300, "x-" * 150]
)
def test_names_of_nothing_much_are_spelt_as_themselves(name: str) -> None:
    assert name in spellings.spellings(name, "1.2")
    keys = joins.component_keys(Component(name, "1.2"))
    assert not {"any:", "name:", "cpe:"} & set(keys)
