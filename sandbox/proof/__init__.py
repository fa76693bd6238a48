"""Checks the model of the protocol, `docs/design/protocol.tla`, exhaustively with TLC."""
