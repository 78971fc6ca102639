"""`python -m ibert`."""

from ibert.cli import main

main()
