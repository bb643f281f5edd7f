/** `cause.code` of a fetch whose server does not listen, or ended before its response was complete. */
const CODES = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];

/** Whether fetch, or reading its body, failed because the server is gone. Any other TypeError is a defect. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof TypeError) || !/^(fetch failed|terminated)$/.test(error.message)) return false;
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && CODES.includes(code);
}
