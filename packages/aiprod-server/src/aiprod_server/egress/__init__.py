"""Connections that the service makes for others: only to addresses that were judged, and to nothing they lead to."""
