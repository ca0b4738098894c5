"""What people are told: announcements, and warnings of a full home or course."""
