/** Exit code 0 when the process on the port of the argument answers /healthz. For the health check of its container. */
const response = await fetch(`http://127.0.0.1:${process.argv[2]}/healthz`, { signal: AbortSignal.timeout(4000) });
process.exit(response.ok ? 0 : 1);
