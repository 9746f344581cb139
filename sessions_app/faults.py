"""The one registry of fault points of this app: every commit and every effect has its name here.

A commit named X has two points, `X.before` (nothing is stored yet) and `X.after` (stored, nobody told).
"""

from agentsite.core.faults import point, register

COMMITS = {
    "session.create": "a session is made",
    "session.update": "a session is renamed or given another agent",
    "session.delete": "a session goes with all that belongs to it",
    "message.send": "a message and its run are queued",
    "message.edit": "a queued message is changed or withdrawn",
    "run.claim": "a run is taken by this process",
    "run.park": "a run waits for a person, a child or a time",
    "run.release": "a run is given back to the queue",
    "run.end": "a run completes or fails",
    "run.cancel": "a stop is asked, or ends a run that nobody holds",
    "run.retry": "a new run takes up an ended one",
    "step.plan": "a tool call and the gate's decision are recorded",
    "step.start": "an effect is about to begin",
    "step.end": "an effect's outcome is recorded",
    "step.ask": "a question is put to a person",
    "step.doubt": "an effect is found whose outcome nobody knows",
    "step.delegate": "a child run is made",
    "interaction.answer": "a person answers, or the time is up",
    "text.flush": "streamed text is stored",
    "journal.compact": "old deltas go",
    "command.do": "a command is done and its answer kept",
}
EFFECTS = {
    "effect.model.begin": "the request to the engine goes out",
    "effect.model.end": "the engine has answered, nothing is stored",
    "effect.tool.begin": "the tool begins",
    "effect.tool.end": "the tool has ended, nothing is stored",
}

for _name, _meaning in COMMITS.items():
    register(f"{_name}.before", f"{_meaning}: before the commit")
    register(f"{_name}.after", f"{_meaning}: after the commit")
for _name, _meaning in EFFECTS.items():
    register(_name, _meaning)

__all__ = ["COMMITS", "EFFECTS", "point"]
