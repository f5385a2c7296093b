"""Editing: how statements and imports are put in and taken out, and everything else stays as it is."""
