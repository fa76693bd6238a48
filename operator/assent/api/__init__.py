"""The wire contract: custom resources, reasons, and what is generated from them. Pure."""
