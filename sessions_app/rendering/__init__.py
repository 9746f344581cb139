"""Fragments of the chat page, made of public rows: the page includes them, htmx gets them, the socket sends them."""
