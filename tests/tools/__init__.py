"""Tools, the gate, and the sandbox under attack."""
