"""The texts that checks encode: short, for a large model on a CPU takes its time.

Some share their first words and some their last, so that pooling a token that has not seen the
whole text gives two of them one vector.
"""

DOCUMENTS = (
    "Paris is the capital and most populous city of France.",
    "Paris is the name of a town in Texas, too.",
    "The Loire is the longest river of France.",
    "Statins inhibit an enzyme of the liver and so lower cholesterol.",
    "Aspirin thins the blood.",
    "Use a for loop over the open file:\n\nwith open(path) as lines:\n    print(next(lines))",
)
QUERIES = ("what is the capital of france", "what is aspirin for")
LONG = "Rivers flow from the mountains to the sea. "
"""Repeated beyond the maximum length; it is tokenised only."""
FEW = 3
"""Where a check needs passes of its own, it takes so many documents."""
