"""Runs a command beside a real PostgreSQL, in whose words ADDRESS is a new gradebook's: python -m ... CMD.

The database and its role are as docs/admins/gradebooks.md makes them.
"""

import subprocess
import sys
from urllib.parse import quote

from tests import postgres

ADDRESS = "@GRADEBOOK@"
# What has to be quoted in an address.
PASSWORD = "p@ss:w/rd% #1"

if __name__ == "__main__":
    with postgres.serve() as server:
        server.query("postgres", f"CREATE ROLE intro LOGIN PASSWORD '{PASSWORD}'")
        server.query("postgres", "CREATE DATABASE intro OWNER intro")
        made = f"postgresql://intro:{quote(PASSWORD, safe='')}@{server.address}:{server.port}/intro"
        done = subprocess.run([word.replace(ADDRESS, made) for word in sys.argv[1:]], check=False)
    sys.exit(done.returncode)
