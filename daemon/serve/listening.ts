import { MinutehandError } from '../../shared/errors.ts';

/** Why a server could not listen, in the user's terms. */
export function listeningError(cause: unknown, host: string, port: number): MinutehandError {
  const address = `${host}:${port}`;
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  if (code === 'EADDRINUSE') return new MinutehandError('PORT_TAKEN', { seen: address, cause });
  return new MinutehandError('ADDRESS_UNUSABLE', { seen: code ? `${address} (${code})` : address, cause });
}
