"""Attacks on the sandbox: the attacker runs inside, the driver starts it as root or as an ordinary user."""
