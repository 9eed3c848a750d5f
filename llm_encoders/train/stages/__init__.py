"""The stages of training, one a file. A new one is a file here and a line in :data:`STAGES`."""

from llm_encoders.train.stages.clm import CLM
from llm_encoders.train.stages.fine_tune import FINE_TUNE
from llm_encoders.train.stages.mntp import MNTP
from llm_encoders.train.stages.stage import Stage

STAGES: dict[str, Stage] = {stage.name: stage for stage in (CLM, MNTP, FINE_TUNE)}
"""By name."""

__all__ = ["STAGES", "Stage"]
