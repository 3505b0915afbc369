"""Studies: many trainings that answer one question, with their table and figures written by the program."""
