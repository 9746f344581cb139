"""The rehearsal engine's own texts: always the same for the same question."""

from typing import Any

HIDDEN_FIELD = "passphrase"
SENTENCE_WORDS = 12
PARAGRAPH_WORDS = 72
SENTENCES = (
    "a calm river carries small boats past green hills in the evening",
    "people on the far bank talk about trains and weather and bread",
    "when the lamps come on each window shows another quiet warm room",
    "somebody in there reads or writes a letter that travels very far",
    "the letter tells of boats and lamps and of the river below",
    "by morning it is folded and sealed and already on its way",
)
POOL = tuple(word for sentence in SENTENCES for word in sentence.split())

SAMPLE = """# A heading

A paragraph with **bold**, *italic*, `code` and [a link](https://example.com/).

- first
- second
  - nested

1. one
2. two

| fruit | weight |
| --- | ---: |
| apple | 180 g |
| cherry | 8 g |

> A quotation.

```python
def greet(name: str) -> str:
    return f"Hello, {name}"
```
"""


def words(count: int) -> str:
    """Exactly `count` words, in sentences and paragraphs."""
    parts: list[str] = []
    for number in range(count):
        word = POOL[number % len(POOL)]
        first = number % SENTENCE_WORDS == 0
        last = number % SENTENCE_WORDS == SENTENCE_WORDS - 1 or number == count - 1
        parts.append((word.capitalize() if first else word) + ("." if last else ""))
        parts.append("\n\n" if number % PARAGRAPH_WORDS == PARAGRAPH_WORDS - 1 else " ")
    return "".join(parts).rstrip()


def thoughts(topic: str) -> str:
    """Reasoning about a topic."""
    return (
        f"The person wants me to think about {topic}. I am the rehearsal engine, so I know nothing of it; what I "
        "can do is show how reasoning looks while it streams. First I say what is asked. Then I weigh both sides. "
        "Then I see that this is long enough, and answer."
    )


def form(topic: str) -> dict[str, Any]:
    """The arguments of `ask_user`: one field of each type, or a secret alone."""
    hidden = {"name": HIDDEN_FIELD, "type": "secret", "description": "A secret, which I will not see"}
    if "secret" in topic:
        return {"message": "Please give me a secret.", "fields": [hidden]}
    return {
        "message": f"Please fill this in: {topic}." if topic else "Please fill this in.",
        "fields": [
            {"name": "name", "type": "text", "description": "Your name"},
            {"name": "days", "type": "number", "description": "How many days"},
            {"name": "season", "type": "choice", "description": "When", "choices": ["spring", "summer", "winter"]},
            {"name": "insured", "type": "checkbox", "description": "With insurance"},
            hidden | {"required": False},
        ],
    }


def introduction(sentences: list[str]) -> str:
    """What the engine says when it knows nothing better: what it is, and what it can do."""
    listed = "\n".join(f"- {sentence}" for sentence in sentences)
    return (
        "I am the rehearsal engine built into agentsite: no language model, only a fixed set of sentences that drive "
        "real tools, questions and streams, so that you can try the site offline. Try one of these:\n\n"
        f"{listed}\n\nAn administrator can add a real model under “Engines” in the admin."
    )
