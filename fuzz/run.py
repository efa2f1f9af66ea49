"""Fuzz every parser for a bounded time, each in a process of its own.

    python -m fuzz.run [--seconds 20] [--fixtures DIR] [NAME ...]

Begins with the seeds of `targets`, the committed corpus and, where given, the files of a folder (read only). What the
fuzzer finds new is kept in `var/fuzz/<name>`, an input that breaks a target in `var/fuzz/found`; `--keep` takes the
smallest set with the same coverage into the committed corpus. Exit 1 when a target broke.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from fuzz import targets

ROOT = Path(__file__).parents[1]
WORK = ROOT / "var" / "fuzz"
MAX_LEN = 32_768
MAX_KEPT = 40
"""Inputs that the committed corpus holds a target, none larger than MAX_KEPT_BYTES."""
MAX_KEPT_BYTES = 2_048


def child(name: str, module: str, arguments: list[str]) -> None:
    """In a process of its own: instrument what the target's module imports, then hand over to libFuzzer, which ends it."""
    import atheris

    with atheris.instrument_imports(include=["vouchsafe"]):
        functions, _ = targets.load(module)
    # To merge, libFuzzer has a shell run its first argument again.
    again = shlex.join([sys.executable, "-m", "fuzz.run", "--child", name, module, "--"])
    atheris.Setup([again, *arguments], functions[name])
    atheris.Fuzz()


def fuzz(name: str, seeds: list[bytes], seconds: int, more: list[Path]) -> bool:
    """Run one target; says what came of it. False when it broke."""
    mine, begin = WORK / name, WORK / "seeds" / name
    for folder in (mine, begin, WORK / "found"):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate([*seeds, *targets.corpus(name)]):
        (begin / f"{number:03}").write_bytes(seed)
    folders = [mine, begin, *more]
    done = _child(
        name,
        *map(str, folders),
        f"-max_total_time={seconds}",
        f"-max_len={MAX_LEN}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={WORK / 'found' / name}-",
    )
    runs = re.search(r"number_of_executed_units:\s+(\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    count = int(runs[1]) if runs else 0
    reached = covered[-1] if covered else "no"
    print(
        f"{name:28} {count:>9,} runs, {reached:>5} places reached, {len(list(mine.iterdir())):>4} new inputs"
    )
    if done.returncode:
        print("\n".join(done.stderr.splitlines()[-40:]), file=sys.stderr)
        print(f"{name} BROKE; the input is in {WORK / 'found'}")
    return done.returncode == 0


def keep(name: str) -> None:
    """The smallest set of what was found that covers the same, as far as it is small, goes into the corpus."""
    small = WORK / "small" / name
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir(parents=True)
    sources = [folder for folder in (WORK / "seeds" / name, WORK / name) if folder.is_dir()]
    done = _child(name, "-merge=1", f"-max_len={MAX_KEPT_BYTES}", str(small), *map(str, sources))
    kept = sorted((path.read_bytes() for path in small.iterdir()), key=len)
    if done.returncode or not kept:
        print(done.stderr[-2_000:], file=sys.stderr)
        sys.exit(f"{name}: nothing was merged; its corpus stays as it was")
    targets.keep(name, kept[:MAX_KEPT])


def _child(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    functions, _ = targets.load()
    module = functions[name].__module__.rpartition(".")[2]
    command = [sys.executable, "-m", "fuzz.run", "--child", name, module, "--", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", env=os.environ)


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], sys.argv[5:])
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=int, default=20, help="for each target")
    parser.add_argument("--fixtures", type=Path, help="a folder whose files begin the search, too")
    parser.add_argument("--keep", action="store_true", help="renew the committed corpus")
    given = parser.parse_args()
    functions, seeds = targets.load()
    names = given.names or sorted(functions)
    if unknown := sorted(set(names) - functions.keys()):
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(sorted(functions))}")
    more = [given.fixtures] if given.fixtures else []
    broken = [name for name in names if not fuzz(name, seeds.get(name, []), given.seconds, more)]
    sound = not broken
    if given.keep and sound:
        for name in names:
            keep(name)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
