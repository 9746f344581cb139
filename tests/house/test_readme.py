"""What the README promises is there."""

import re

from agents_app.engines.rehearsal.moves import FAILURES
from agents_app.engines.rehearsal.sentences import EXAMPLES
from agentsite.env import BASE_DIR, declared

README = (BASE_DIR / "README.md").read_text()


def test_every_sentence_of_the_rehearsal_engine_stands_in_the_readme() -> None:
    rows = [line.split(" | ")[0].removeprefix("| ") for line in README.splitlines() if line.startswith("| ")]
    assert [sentence for sentence, _ in EXAMPLES if sentence not in rows] == []
    assert [failure for failure in FAILURES if failure not in README] == []


def test_every_variable_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"\b(?:AGENTSITE|OPENAI|AZURE_OPENAI|OLLAMA)_[A-Z_]+\b", README))
    assert named
    assert named <= set(declared())


def test_every_page_that_the_documents_link_to_exists() -> None:
    for page in (BASE_DIR / "README.md", BASE_DIR / "CONTRIBUTING.md", BASE_DIR / "docs" / "decisions" / "README.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert target.startswith("docs/images/") or (page.parent / target).exists(), f"{page.name}: {target}"
