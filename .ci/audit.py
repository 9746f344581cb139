"""pip-audit over the pinned packages: known weaknesses fail; a service that cannot be asked is said and does not."""

import json
import subprocess
import sys
from pathlib import Path

AUDIT = [str(Path(sys.executable).with_name("pip-audit")), "--no-deps", "--disable-pip", "--format", "json"]


def main() -> int:
    """Ask about each line of requirements.txt."""
    answer = subprocess.run([*AUDIT, "-r", "requirements.txt"], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(answer.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        print("pip-audit: NOT CHECKED, the advisory service cannot be reached.")
        return 0
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    weak = [package for package in packages if package.get("vulns")]
    for package in weak:
        known = ", ".join(entry["id"] for entry in package["vulns"])
        print(f"pip-audit: {package['name']} {package['version']}: {known}")
    note = f", NOT CHECKED: {len(skipped)} that the advisory service does not know" if skipped else ""
    print(f"pip-audit: {len(packages) - len(skipped)} packages looked up, {len(weak)} with known weaknesses{note}.")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
