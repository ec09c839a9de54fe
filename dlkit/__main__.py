"""python -m dlkit"""

from dlkit.cli import main

main()
