"""What agents' self-examinations (`haidang-agent doctor --send`) found, for the unit's page."""
