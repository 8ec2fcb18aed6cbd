"""HTTP: the application, and later one folder a surface."""
