"""An output folder, and the record of the run that fills it beside it."""
