"""The version, here so that nobody has to look through installed packages for it when a program starts."""

VERSION = "0.1.0.dev0"
