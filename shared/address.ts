import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { renameFile } from './durable_file.ts';
import { makePrivateFolder } from './private_files.ts';

/** Addresses to listen on that are not one to call. */
const ANY_ADDRESS: readonly string[] = ['0.0.0.0', '::'];

const addressSchema = z.object({
  pid: z.int(),
  host: z.string(),
  port: z.int().min(1).max(65535),
  started: z.string(),
});

/** Endpoint and identity of a process. It does not show whether that process still runs. */
export type Address = z.infer<typeof addressSchema>;

/**
 * Publishes the endpoint of this process in a file for other processes of this machine, since the port may be a free
 * one. It is optional: a full disk does not prevent the start, and readers then use the port of the configuration.
 * @returns a function that removes the file
 */
export function announce(path: string, address: { readonly host: string; readonly port: number }): () => void {
  const { pid } = process;
  const temporary = `${path}.${pid}.tmp`;
  const started = new Date().toISOString();
  try {
    makePrivateFolder(dirname(path));
    writeFileSync(temporary, `${JSON.stringify({ pid, ...address, started } satisfies Address)}\n`);
    renameFile(temporary, path);
  } catch {
    remove(temporary);
  }
  return () => remove(path);
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // No process answers at an address that remains.
  }
}

/** null when the file is absent or has another format. */
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
