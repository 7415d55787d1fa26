"""What is a field called: schema, levels, canonical values."""
