"""From an alarm to a change of the code that removes it, or to the reason why there is none."""
