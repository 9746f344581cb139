"""A conversation on a terminal: `following` reads, `transcript` shows, `questions` asks, `screen` writes safely."""
