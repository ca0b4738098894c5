"""What is in force now: the files are followed while the hub or the culler runs, and the last good version is kept."""
