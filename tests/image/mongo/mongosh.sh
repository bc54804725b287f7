#!/bin/sh
# Answers the one question that compose.yaml asks: is there a primary?
exec /opt/edx-import/bin/python -c '
import sys
from pymongo import MongoClient
sys.exit(not MongoClient(serverSelectionTimeoutMS=2000).admin.command("hello")["isWritablePrimary"])
'
