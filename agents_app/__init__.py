"""Floor 2: engines (models behind an API), agent templates, agents and the agent loop."""
