"""Asking models for samples."""
