"""Which alarms does somebody not want to hear of, and who said so: a comment, the settings, or a baseline?"""
