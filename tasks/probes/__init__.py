"""Inputs that ordinary rows do not have, which every bundle meets before its verdict."""
