"""The `coursehub` command of admins and course staff, one verb a module."""
