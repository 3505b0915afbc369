"""What happens when a package is imported: names come when asked for, threads wait without spinning."""
