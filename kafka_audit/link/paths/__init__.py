"""Paths: the ways through one function with one client in mind."""
