"""`python -m workers` is `allo`."""

from workers.cli import main

main()
