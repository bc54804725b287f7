"""The front: commands, options, messages. The only importer of typer."""
