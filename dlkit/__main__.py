"""python -m dlkit"""

import sys

try:
    from dlkit.lazy import without_collector

    with without_collector():
        from dlkit.cli import main

    main()
except KeyboardInterrupt:
    # Before any verb could report it.
    sys.exit(130)
