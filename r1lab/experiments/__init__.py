"""One file a lesson: the arms, seeds and summary of that lesson's runs."""
