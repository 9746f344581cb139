"""The journal, the fold and the reader."""
