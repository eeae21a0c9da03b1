"""The source: Viewpoint Vista, read-only, through SQLAlchemy."""
