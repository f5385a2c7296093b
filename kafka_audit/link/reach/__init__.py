"""Reach: who runs what, from imports, programs, hooks and frameworks on."""
