"""A small query encoder for the index of a large one: trained, measured, exported."""
