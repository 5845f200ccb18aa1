"""`python -m pillarbox`: the command line."""

from pillarbox.admin.command import main

if __name__ == "__main__":
    main()
