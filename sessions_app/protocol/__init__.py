"""The JSON frames of socket and event stream: `frames` and `commands` declare them, the other modules map them."""
