"""An output folder, and next to it the record of the run that fills it."""
