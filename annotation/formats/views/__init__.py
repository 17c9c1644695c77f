"""Shapes in which other programs read a release. Each is derived from its Parquet file, never from the database."""
