"""What lies inside a run folder besides its results: links, what killed processes left, and code of its own."""
