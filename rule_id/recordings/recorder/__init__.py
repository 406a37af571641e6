"""Recording a torch model while it trains."""

from rule_id.recordings.recorder.recorder import Recorder

__all__ = ["Recorder"]
