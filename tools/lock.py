"""Write the requirements*.lock files: versions and hashes for every platform, no host names."""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMON = (
    *("--universal", "--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url", "-q"),
    *("--python-version", "3.11", "pyproject.toml"),
)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        subprocess.run([f"{folder}/bin/pip", "install", "-q", "uv"], check=True)
        for out, extras in (
            ("requirements.lock", ("--extra", "server", "--extra", "dev")),
            ("requirements-bare.lock", ("--extra", "bare")),
            ("requirements-fuzz.lock", ("--extra", "fuzz", "--constraint", "requirements.lock")),
        ):
            subprocess.run(
                [f"{folder}/bin/uv", "pip", "compile", *COMMON, *extras, "-o", out], cwd=ROOT, check=True,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            if "://" in (ROOT / out).read_text():
                print(
                    f"{out} names an address; a lock file holds names, versions and hashes only.",
                    file=sys.stderr,
                )
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
