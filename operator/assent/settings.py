"""Process settings, from the environment, validated once."""
