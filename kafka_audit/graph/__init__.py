"""The picture of a program: who creates, owns, starts and releases each producer, and what imports it."""
