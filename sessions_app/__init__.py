"""Floor 3: sessions, messages, runs, steps, interactions, events, and every door to them."""
