"""Run the command as `python -m pipelines.cli`."""

from pipelines.cli.main import main

if __name__ == "__main__":
    main()
