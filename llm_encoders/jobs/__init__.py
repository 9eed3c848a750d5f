"""What makes a command resumable: fingerprint, lock, atomic files, removal, lines, console."""
