"""Changes of one kind each, which several repairs are made of."""
