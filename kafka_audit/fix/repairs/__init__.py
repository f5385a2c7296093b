"""Repairs: what an alarm gets, by where the client is kept and what is wrong with it."""
