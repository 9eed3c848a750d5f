"""Silent faults of an encoder: checks against what does not depend on its own contract.

A fault is a disagreement with something independent: the publisher's files or the preset of the
repository (:mod:`llm_encoders.checks.published`), the model without its adapter, the same text in
another batch, another text. Where there is nothing of the kind, a check says so and finds no fault.
"""
