"""How the service is: metrics, latencies, devices, errors, logs, health, traces."""
