"""What query encoders of one index cost, and what they find: quality against speed and size."""
