"""Look for known vulnerabilities in the pinned packages, and say plainly where that cannot be done.

`python audit.py PIP-AUDIT LOCK...` exits 1 where a package has one. pip-audit takes a package that it finds nowhere for
clean; here such a package counts as not audited. With AUDIT=required in the environment, that fails too.
"""

import json
import os
import subprocess
import sys

WORDS = ("--require-hashes", "--disable-pip", "--format", "json", "--timeout", "10")


def packages(tool: str, lock: str) -> list[dict[str, object]]:
    """Return what the tool says of each package of a lock file; nothing where it cannot answer."""
    done = subprocess.run([tool, *WORDS, "-r", lock], capture_output=True, text=True, check=False)  # noqa: S603  the caller's
    try:
        return list(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError):
        return []


def verdict(found: list[dict[str, object]]) -> tuple[list[str], int, int]:
    """Return a line for each vulnerability, the number of packages that were audited, and that of the others."""
    lines = [
        f"{each['name']} {each['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version yet'}"
        for each in found
        for fault in each.get("vulns", [])
    ]
    audited = sum("vulns" in each for each in found)
    return lines, audited, len(found) - audited


def main(tool: str, locks: list[str]) -> int:
    """Print what was found in every lock file; return the exit code."""
    code, required = 0, os.environ.get("AUDIT") == "required"
    for lock in locks:
        lines, audited, others = verdict(packages(tool, lock))
        for line in lines:
            print(line)  # noqa: T201  the answer
        if not audited:
            print(f"{lock}: not audited, no database of vulnerabilities can be reached from here")  # noqa: T201
        else:
            print(f"{lock}: {audited} packages audited, {others} not, {len(lines)} vulnerabilities")  # noqa: T201
        code = max(code, int(bool(lines) or (required and (others or not audited))))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
