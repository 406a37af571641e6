"""Tasks from image files that the user has; nothing is downloaded."""

from rule_id.tasks.files.tasks import FILE_TASKS, file_task

__all__ = ["FILE_TASKS", "file_task"]
