"""The unit's web portal as the school sees it: what the `portal` probe tells."""
