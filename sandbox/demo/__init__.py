"""The main job of Assent, told on a real control plane: ``python -m sandbox.demo``."""
