const LOOPBACK_ADDRESS = /^(?:127\.\d+\.\d+\.\d+|::1)$/;
const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/** Whether a client's address is this machine's own. */
export function isLoopbackAddress(address: string): boolean {
  return LOOPBACK_ADDRESS.test(address);
}

/**
 * Whether the Origin header of a request names a page of another site. Programs send none; browsers do, and they let any
 * page post to, or open a WebSocket on, this machine.
 */
export function isForeignOrigin(origin: string | undefined): boolean {
  return origin !== undefined && origin !== '' && !LOOPBACK_ORIGIN.test(origin);
}
