"""The ground: errors, base models, text, time and digests; imports no app."""
