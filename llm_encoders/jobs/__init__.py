"""What makes a command resumable: lock, fingerprint, resumable lines, console."""
