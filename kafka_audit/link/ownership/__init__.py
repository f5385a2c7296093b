"""Ownership: objects that own a client must be released like one, however many layers deep."""
