"""Let `python -m evald` be the same as the command `evald`."""

from evald.cli.main import main

if __name__ == "__main__":
    main()
