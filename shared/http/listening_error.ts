import { MinutehandError } from '../errors.ts';

/** Why a server could not listen, in the user's terms. */
export function listeningError(cause: unknown, host: string, port: number): MinutehandError {
  const address = `${host}:${port}`;
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  if (code === 'EADDRINUSE') return new MinutehandError('PORT_TAKEN', { seen: address, cause });
  const seen = code ? `${address} (${code})` : address;
  if (code === 'EMFILE' || code === 'ENFILE') return new MinutehandError('FILES_EXHAUSTED', { seen, cause });
  return new MinutehandError('ADDRESS_UNUSABLE', { seen, cause });
}
