"""`vouchsafe verify`: the stand-alone verifier as a command. Nothing but its own one module is behind it."""

import json
import sys

import click

from vouchsafe.bundle import verify as verifier


@click.command(epilog="Try: vouchsafe verify bundle.zip --policy trust.txt")
@click.argument("bundle")
@click.option(
    "--policy", metavar="FILE", help="Whom you trust: a tlog-policy file. Without one nothing is shown."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(bundle: str, policy: str | None, as_json: bool) -> int:
    """Verify an audit bundle, offline: five properties, a verdict each, and where one fails.

    BUNDLE may be - for standard input. Exit 0: verified; 1: something fails, or is not shown; 2: unreadable.

    The policy file names the logs and witnesses that you trust (https://c2sp.org/tlog-policy). Lines of our
    own, which other tools take for comments:

    \b
      # vouchsafe: allow operators-word temporal ordering    their word is enough for this property
      # vouchsafe: station <vkey>                            may enrol devices
      # vouchsafe: release <vkey>                            may sign the SBOMs of builds
      # vouchsafe: rp <id>                                   whose passkeys count
    """
    try:
        trusted = verifier.read_limited(policy, verifier.MAX_POLICY_BYTES) if policy else None
        data = verifier.read_limited(bundle, verifier.MAX_BUNDLE_BYTES)
        result = verifier.check(data, verifier.read_policy(trusted) if trusted is not None else None)
    except verifier.Unreadable as error:
        click.echo(verifier.plain(error), err=True)
        return 2
    sys.stdout.write(
        json.dumps(verifier.as_json(result), indent=1) + "\n" if as_json else verifier.as_text(result)
    )
    return result.exit_code
