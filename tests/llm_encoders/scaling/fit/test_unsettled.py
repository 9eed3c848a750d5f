"""What is said of intervals."""

from llm_encoders.scaling.fit.unsettled import wide


def test_an_interval_beyond_the_range_of_floats_has_a_width():
    (said,) = wide({"B": (1e-160, 1e180)}, "delta")
    assert said.startswith("B is not settled") and "spans 340.0 decades" in said
