"""Floor 4: health, probes and metrics; nobody imports it."""
