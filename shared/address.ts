import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { makePrivateFolder } from './private_files.ts';

/** Addresses to listen on that are not one to call. */
const ANY_ADDRESS: readonly string[] = ['0.0.0.0', '::'];

const addressSchema = z.object({
  pid: z.int(),
  host: z.string(),
  port: z.int().min(1).max(65535),
  started: z.string(),
});

/** Where a process listens, and which one it is. It says nothing of whether that process still lives. */
export type Address = z.infer<typeof addressSchema>;

/**
 * Tells others of this machine where this process listens, in a file, since the port may be a free one.
 * It is a courtesy: a full disk keeps nobody from starting, and whoever looks then asks the port of the configuration.
 * @returns a function that takes the file away
 */
export function announce(path: string, address: { readonly host: string; readonly port: number }): () => void {
  const { pid } = process;
  const temporary = `${path}.${pid}.tmp`;
  const started = new Date().toISOString();
  try {
    makePrivateFolder(dirname(path));
    writeFileSync(temporary, `${JSON.stringify({ pid, ...address, started } satisfies Address)}\n`);
    renameSync(temporary, path);
  } catch {
    remove(temporary);
  }
  return () => remove(path);
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // An address that stays is an address nobody answers at.
  }
}

/** null when nobody told, or not in these words. */
export function readAddress(path: string): Address | null {
  try {
    return addressSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** `http://127.0.0.1:7400`. What listens everywhere is called at this machine's own address. */
export function urlOf(
  { host, port }: { readonly host: string; readonly port: number },
  scheme: 'http' | 'ws' = 'http',
): string {
  const name = ANY_ADDRESS.includes(host) ? '127.0.0.1' : host;
  return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
