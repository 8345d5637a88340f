"""Takes remote write from agents: who are you, is it sound, is it stored."""
