import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type * as Koffi from 'koffi';

const require = createRequire(import.meta.url);

/* Constants of Linux, the same on x86, ARM, POWER, RISC-V and s390. */
export const AF_UNIX = 1;
export const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** Of `sun_path`, its closing zero included. */
const MAX_PATH_BYTES = 108;
const NO_SOCKET = -1;

/** Sends one datagram. @returns why it did not leave, or null when it did */
export type SendDatagram = (text: string) => string | null;

/**
 * A way to a Unix datagram socket, which Node itself has none of: `socket` and `sendto` of the C library that runs
 * anyway, so that no other library has to be there.
 * @param address a path, or `@name` of the abstract kind
 * @throws Error where koffi does not load, or for an address that cannot be one
 */
export function openNotifySocket(address: string): SendDatagram {
  const target = socketAddress(address);
  const koffi = require('koffi') as typeof Koffi;
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int domain, int type, int protocol)') as (...args: number[]) => number;
  const sendto = libc.func(
    'long sendto(int fd, const void *data, size_t bytes, int flags, const void *address, uint32_t address_bytes)',
  ) as (fd: number, data: Buffer, bytes: number, flags: number, address: Buffer, addressBytes: number) => number;
  const reason = (): string => getSystemErrorName(-koffi.errno());
  let fd = NO_SOCKET;
  return (text) => {
    if (fd === NO_SOCKET) fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    if (fd === NO_SOCKET) return reason();
    const data = Buffer.from(text);
    // Never waits: a slow reader must not block the thread that answers bars.
    const sent = sendto(fd, data, data.length, MSG_DONTWAIT | MSG_NOSIGNAL, target, target.length);
    return sent < 0 ? reason() : null;
  };
}

/**
 * `struct sockaddr_un`: the family in two bytes, then the path with a closing zero, or a zero and the abstract name
 * without one. Source: unix(7).
 */
export function socketAddress(address: string): Buffer {
  const isAbstract = address.startsWith('@');
  const path = Buffer.from(isAbstract ? `\0${address.slice(1)}` : `${address}\0`);
  if ((!isAbstract && !address.startsWith('/')) || path.length > MAX_PATH_BYTES || address === '@')
    throw new Error(`"${address}" is not the address of a socket`);
  const family = Buffer.alloc(2);
  if (endianness() === 'LE') family.writeUInt16LE(AF_UNIX);
  else family.writeUInt16BE(AF_UNIX);
  return Buffer.concat([family, path]);
}
