"""The operators' pages of sessions, runs, questions and the journal."""

from sessions_app.admin import interactions, journal, runs, sessions, steps

__all__ = ["interactions", "journal", "runs", "sessions", "steps"]
