"""Lives: where each client is made, who keeps it, what starts it, and what releases it."""
