"""`python -m haidang_agent`."""

from haidang_agent.cli import main

if __name__ == "__main__":
    main()
