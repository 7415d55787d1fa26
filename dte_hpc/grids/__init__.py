"""The grids room."""
