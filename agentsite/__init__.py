"""The roof: settings, urls, asgi and the environment."""
