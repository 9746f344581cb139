"""The fault points of this app's own commits; a commit named X has `X.before` and `X.after`."""

from agentsite.core.faults import point, register

COMMITS = {
    "permission.grant": "a person allows a tool for a session",
    "permission.revoke": "a permission is taken back",
}

for _name, _meaning in COMMITS.items():
    register(f"{_name}.before", f"{_meaning}: before the commit")
    register(f"{_name}.after", f"{_meaning}: after the commit")

__all__ = ["COMMITS", "point"]
