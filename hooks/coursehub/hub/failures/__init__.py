"""Why a server failed: found, recorded, kept."""
