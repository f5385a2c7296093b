"""What constructors and sends are given, and what that does to messages."""
