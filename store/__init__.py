"""Tables, repositories, migrations and blob storage: the only place with SQL."""
