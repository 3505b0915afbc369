"""What the operating system is asked for: programs that end with us, temporary folders that are gone with us."""
