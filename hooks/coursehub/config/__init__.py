"""What people write: course files and the site's values, read and checked. Pure: no hub, no cluster, no clock."""
