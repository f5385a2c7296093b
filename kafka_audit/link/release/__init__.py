"""Which of the releases that exist count."""
