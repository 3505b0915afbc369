"""A network's circuit at corners, temperatures and supplies: each calibrated there, a table, a datasheet, netlists."""
