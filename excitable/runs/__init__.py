"""What a run folder holds, and what makes and continues it: training, retraining, energy, landscapes."""
