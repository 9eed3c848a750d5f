"""Topics, qrels and training pairs from the articles and outlines of TREC CAR."""
