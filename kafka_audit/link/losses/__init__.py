"""Which ways out of the function that makes a client lose it."""
