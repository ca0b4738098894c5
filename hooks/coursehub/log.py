"""What a part of the hub, the culler or the provisioner writes its lines to."""

import logging
from typing import Any

Log = logging.Logger | logging.LoggerAdapter[Any]
