"""Floor 1: tools, permissions, the gate, the sandbox and workspaces."""
