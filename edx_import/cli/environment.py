"""The process environment to settings, once; secrets are taken out of it, so that no child process inherits them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edx_import.secrecy import silence_libraries

if TYPE_CHECKING:
    from edx_import.settings import Settings


def read_settings() -> Settings:
    """The settings of this process. Raises ConfigurationError with every problem."""
    from edx_import.settings import Settings, forget_secrets

    silence_libraries()
    settings = Settings.from_env(os.environ)
    forget_secrets(os.environ)
    return settings
