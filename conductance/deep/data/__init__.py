"""Images and events for deep networks, read from the files as they are published, or made here."""
