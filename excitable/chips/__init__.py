"""Virtual chips: judged one by one, swept over mismatch and corners, counted as a yield."""
