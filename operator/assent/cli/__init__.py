"""The kubectl plugins: approve, reject, proposals. Standard library only, and nothing of ours."""
