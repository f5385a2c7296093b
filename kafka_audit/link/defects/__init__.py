"""Shapes of code that leak, block or break although a release exists."""
