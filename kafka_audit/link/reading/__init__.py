"""Reading the facts: what bodies, expressions and tests of a function say, by themselves."""
