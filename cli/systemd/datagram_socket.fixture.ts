import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';
import { AF_UNIX, SOCK_DGRAM_CLOEXEC, socketAddress } from './notify_socket.ts';

const require = createRequire(import.meta.url);
const MSG_DONTWAIT = 0x40;
const MAX_BYTES = 4096;

/** A real Unix datagram socket that listens, as systemd's does. */
export interface DatagramSocket {
  /** The lines of all datagrams since the last call. */
  received(): string[];
  close(): void;
}

/** @param address a path that is not there yet, or `@name` */
export function listenForDatagrams(address: string): DatagramSocket {
  const koffi = require('koffi') as typeof Koffi;
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const bind = libc.func('int bind(int fd, const void *address, uint32_t bytes)');
  const recv = libc.func('long recv(int fd, _Out_ void *data, size_t bytes, int flags)');
  const close = libc.func('int close(int fd)');
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number;
  const target = socketAddress(address);
  if (fd < 0 || bind(fd, target, target.length) !== 0) throw new Error(`cannot listen on ${address}`);
  return {
    received() {
      const lines: string[] = [];
      const data = Buffer.alloc(MAX_BYTES);
      for (;;) {
        const bytes = Number(recv(fd, data, data.length, MSG_DONTWAIT));
        if (bytes < 0) return lines;
        lines.push(...data.toString('utf8', 0, bytes).split('\n'));
      }
    },
    close: () => void close(fd),
  };
}
