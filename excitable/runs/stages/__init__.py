"""What is done to a trained run of each kind: export, simulate, compare. Each stage leaves its files in the folder."""
