"""What is done to a trained run, a module for each kind: export, simulate, compare. All leave files in its folder."""
