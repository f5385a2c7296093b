"""The value flow: what every place of the program can hold, whatever the order of statements."""
