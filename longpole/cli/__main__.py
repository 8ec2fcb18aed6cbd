"""`python -m longpole.cli`."""

from longpole.cli.main import main

if __name__ == "__main__":
    main()
