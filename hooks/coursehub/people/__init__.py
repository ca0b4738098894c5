"""Who somebody is: uid, gid and groups from the site's directory."""
