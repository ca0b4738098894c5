"""Notices for people: announcements, and warnings of a full home or course."""
