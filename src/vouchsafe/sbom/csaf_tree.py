"""The product tree of a CSAF document: every product with its name, its branches and what identifies it.

A product id that is defined twice has two products; a relationship whose product ends up in itself is named in
`circles`. Nothing is resolved by guess. Source: CSAF 2.0 sections 3.1.2, 3.1.3 and 3.2.2; CSAF 2.1 the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vouchsafe.sbom.errors import TooLarge
from vouchsafe.sbom.limits import Limits


@dataclass(frozen=True, slots=True)
class Branch:
    """One step down the tree: `vendor` Philips, `product_name` MX40, `product_version` 1.2."""

    category: str
    name: str


@dataclass(frozen=True, slots=True)
class Helpers:
    """What identifies a product elsewhere. `hashes` are (file name, ((algorithm, value), …))."""

    cpe: str = ""
    purls: tuple[str, ...] = ()
    hashes: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    serial_numbers: tuple[str, ...] = ()
    model_numbers: tuple[str, ...] = ()
    sbom_urls: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    x_generic_uris: tuple[tuple[str, str], ...] = ()


NO_HELPERS = Helpers()


@dataclass(frozen=True, slots=True)
class Step:
    """How a product that is made of two stands to the other: `installed_on`, `default_component_of`, …"""

    category: str
    product_id: str


@dataclass(frozen=True, slots=True)
class Product:
    """One product of the tree.

    `branches` leads from the top to it; `base` and `steps` say of what products a relationship (2.0) or
    product path (2.1) made it: `base`, then each step's other product.
    """

    id: str
    name: str
    branches: tuple[Branch, ...] = ()
    helpers: Helpers = NO_HELPERS
    base: str = ""
    steps: tuple[Step, ...] = ()
    place: str = ""

    def branch(self, category: str) -> str:
        """The name of its innermost branch of a category, or an empty string."""
        return next((b.name for b in reversed(self.branches) if b.category == category), "")

    @property
    def vendor(self) -> str:
        """Its vendor branch, or an empty string."""
        return self.branch("vendor")

    @property
    def product_name(self) -> str:
        """Its product_name branch, or an empty string."""
        return self.branch("product_name")

    @property
    def version(self) -> str:
        """Its product_version branch, or an empty string."""
        return self.branch("product_version")

    @property
    def version_range(self) -> str:
        """Its product_version_range branch, `vers:…` or any text, or an empty string."""
        return self.branch("product_version_range")


@dataclass(frozen=True, slots=True)
class Tree:
    """The products in file order, and by their ids; groups by theirs."""

    products: tuple[Product, ...]
    by_id: Mapping[str, tuple[Product, ...]]
    groups: Mapping[str, tuple[str, ...]]
    circles: tuple[Product, ...]

    def members(self, item: Mapping[str, Any]) -> frozenset[str]:
        """The product ids that an item names by `product_ids`, and by `group_ids` through the groups."""
        found = set(item.get("product_ids", ()))
        for group in item.get("group_ids", ()):
            found.update(self.groups.get(group, ()))
        return frozenset(found)


def read(tree: Mapping[str, Any], limits: Limits) -> Tree:
    """The tree of a document whose shape was checked.

    Raises:
        TooLarge: more products, or more ids in groups, than a limit.
    """
    products: list[Product] = []
    by_id: dict[str, list[Product]] = defaultdict(list)
    for product in _all(tree):
        if len(products) >= limits.max_products:
            raise TooLarge(product.place, f"at most {limits.max_products:,} products", "more")
        products.append(product)
        if product.id:
            by_id[product.id].append(product)
    groups: dict[str, list[str]] = defaultdict(list)
    count = 0
    for i, group in enumerate(tree.get("product_groups", ())):
        ids = group.get("product_ids", ())
        count += len(ids)
        if count > limits.max_product_ids:
            place = f"$.product_tree.product_groups[{i}].product_ids"
            raise TooLarge(place, f"at most {limits.max_product_ids:,} product ids in groups", "more")
        groups[group.get("group_id", "")].extend(ids)
    return Tree(
        tuple(products),
        {i: tuple(found) for i, found in by_id.items()},
        {i: tuple(found) for i, found in groups.items()},
        _circles(products),
    )


def _all(tree: Mapping[str, Any]) -> Iterator[Product]:
    yield from _branches(tree)
    for i, item in enumerate(tree.get("full_product_names", ())):
        yield _product(item, f"$.product_tree.full_product_names[{i}]")
    for i, item in enumerate(tree.get("relationships", ())):
        step = Step(item.get("category", ""), item.get("relates_to_product_reference", ""))
        place = f"$.product_tree.relationships[{i}].full_product_name"
        yield _product(
            item.get("full_product_name", {}), place, (), item.get("product_reference", ""), (step,)
        )
    for i, item in enumerate(tree.get("product_paths", ())):
        steps = tuple(
            Step(s.get("category", ""), s.get("next_product_reference", "")) for s in item.get("subpaths", ())
        )
        place = f"$.product_tree.product_paths[{i}].full_product_name"
        base = item.get("beginning_product_reference", "")
        yield _product(item.get("full_product_name", {}), place, (), base, steps)


def walk(tree: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str, tuple[Branch, ...]]]:
    """Every branch with its place and the chain that ends in it, depth first. A loop: the file chooses the depth."""
    top = (tree.get("branches", ()), "$.product_tree.branches", ())
    stack: list[tuple[Iterator[tuple[int, Any]], str, tuple[Branch, ...]]] = [
        (enumerate(top[0]), top[1], top[2])
    ]
    while stack:
        branches, where, chain = stack[-1]
        for i, branch in branches:
            place = f"{where}[{i}]"
            here = (*chain, Branch(branch.get("category", ""), branch.get("name", "")))
            yield branch, place, here
            if "branches" in branch:
                stack.append((enumerate(branch["branches"]), f"{place}.branches", here))
                break
        else:
            stack.pop()


def _branches(tree: Mapping[str, Any]) -> Iterator[Product]:
    for branch, place, chain in walk(tree):
        if "product" in branch:
            yield _product(branch["product"], f"{place}.product", chain)


def _product(
    item: Mapping[str, Any],
    place: str,
    chain: tuple[Branch, ...] = (),
    base: str = "",
    steps: tuple[Step, ...] = (),
) -> Product:
    helper = item.get("product_identification_helper")
    helpers = _helpers(helper) if helper else NO_HELPERS
    return Product(item.get("product_id", ""), item.get("name", ""), chain, helpers, base, steps, place)


def _helpers(item: Mapping[str, Any]) -> Helpers:
    one = item.get("purl")
    return Helpers(
        cpe=item.get("cpe", ""),
        purls=((one,) if one else ()) + tuple(item.get("purls", ())),
        hashes=tuple(
            (
                h.get("filename", ""),
                tuple((f.get("algorithm", ""), f.get("value", "")) for f in h.get("file_hashes", ())),
            )
            for h in item.get("hashes", ())
        ),
        serial_numbers=tuple(item.get("serial_numbers", ())),
        model_numbers=tuple(item.get("model_numbers", ())),
        sbom_urls=tuple(item.get("sbom_urls", ())),
        skus=tuple(item.get("skus", ())),
        x_generic_uris=tuple(
            (u.get("namespace", ""), u.get("uri", "")) for u in item.get("x_generic_uris", ())
        ),
    )


def _circles(products: Iterable[Product]) -> tuple[Product, ...]:
    """The products that relationships lead back to: each is made of itself. 6.1.3

    Products are taken away as long as one is made of nothing that is left (Kahn); then, the other way round, as
    long as one is part of nothing that is left. What stays is on a circle, or between two circles.
    """
    made = [p for p in products if p.steps]
    parts = {p.id: set[str]() for p in made}
    for p in made:
        parts[p.id].update(i for i in (p.base, *(s.product_id for s in p.steps)) if i in parts)
    whole: dict[str, set[str]] = {i: set() for i in parts}
    for i, needs in parts.items():
        for need in needs:
            whole[need].add(i)
    left = set(parts)
    for forward, back in ((parts, whole), (whole, parts)):
        degree = {i: len(forward[i] & left) for i in left}
        ready = [i for i in left if not degree[i]]
        while ready:
            gone = ready.pop()
            left.discard(gone)
            for other in back[gone]:
                if other in left and other in degree:
                    degree[other] -= 1
                    if not degree[other]:
                        ready.append(other)
    return tuple(p for p in made if p.id in left)
