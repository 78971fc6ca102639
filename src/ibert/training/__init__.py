"""Fine-tuning: from verified examples to checkpoints that are whole."""

from ibert.training.config import TrainingConfig, read_config
from ibert.training.rows import TrainingRow, read_rows, split

__all__ = ["TrainingConfig", "TrainingRow", "read_config", "read_rows", "split"]
