"""What a cluster is like before and after the install: lines of a report, from objects as the API has them; pure."""
