"""The thin shell: events in, facts gathered, ``core`` asked, effects carried out."""
