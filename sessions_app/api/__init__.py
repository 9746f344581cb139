"""REST: thin views that parse, fetch through a checked selector, call one service, and answer with public rows."""
