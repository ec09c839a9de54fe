"""python -m dlkit"""

import sys

try:
    from dlkit.cli import main

    main()
except KeyboardInterrupt:
    # So early that no verb is there yet to tell it.
    sys.exit(130)
