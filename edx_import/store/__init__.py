"""The database. The only importer of pymongo and bson."""
