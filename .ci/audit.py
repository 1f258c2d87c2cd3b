"""Known vulnerabilities in an environment's packages: `audit.py PIP_AUDIT SITE_PACKAGES`.

Fails on a finding. Where the service cannot be asked, or knows none of the packages (a mirror without advisories), that
is said, and nothing is claimed.
"""

import json
import subprocess
import sys


def main(program, folder):
    command = [program, "--path", folder, "--format", "json", "--progress-spinner", "off", "--timeout", "20"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return f"not audited: the service of vulnerabilities cannot be asked ({last(done.stderr)})"
    asked = [p for p in packages if "vulns" in p]
    found = [f"{p['name']} {p['version']}: {v['id']}, mended in {v['fix_versions']}" for p in asked for v in p["vulns"]]
    if found:
        sys.exit("\n".join(found))
    left = [p for p in packages if "vulns" not in p]
    if not asked:
        return f"not audited: the service knows none of {len(left)} packages ({left[0].get('skip_reason', '')})"
    told = f"; not known to the service: {', '.join(p['name'] for p in left)}" if left else ""
    return f"{len(asked)} packages, no known vulnerability{told}"


def last(text):
    return "".join(text.strip().splitlines()[-1:])[:200]


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
