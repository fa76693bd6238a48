"""The parameters of every action, by what it acts on."""
