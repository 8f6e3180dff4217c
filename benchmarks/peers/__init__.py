"""One folder a tool: ``worker.py`` fits a card in that tool's own environment, ``requirements.txt`` pins the environment."""
