import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Bytes of a socket's path that Linux takes (`sun_path` without its end). */
const LONGEST_SOCKET_PATH = 107;

/** A name by which the system finds a socket, and what that needs until it is released, once or more often. */
export interface SocketAddress {
  readonly address: string;
  release(): void;
}

/**
 * The address of a socket however deep its folder is: on Linux a longer one, which Node refuses, is named by the open
 * folder. The folder must exist.
 */
export function reachable(path: string): SocketAddress {
  const isTooLong = process.platform === 'linux' && Buffer.byteLength(path) > LONGEST_SOCKET_PATH;
  let folder = isTooLong ? openFolder(dirname(path)) : null;
  const address = folder === null ? path : `/proc/self/fd/${folder}/${basename(path)}`;
  return {
    address,
    release() {
      if (folder !== null) closeSync(folder);
      folder = null;
    },
  };
}

/** null when it cannot be opened: the socket cannot be reached either, which its user reports. */
function openFolder(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch {
    return null;
  }
}
