"""Plugins: operations that steps name as `plugin:<plugin>.<operation>`, with a config that is checked when stored."""
