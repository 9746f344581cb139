"""Every write of this app, and the gate that a call passes."""

from tools_app.services.decisions import evaluate, record_decision
from tools_app.services.permissions import forget_session, grant_for_session, revoke_permission

__all__ = ["evaluate", "forget_session", "grant_for_session", "record_decision", "revoke_permission"]
