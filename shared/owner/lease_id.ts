import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { MACHINE_FILES } from '../files.ts';
import { replaceDurably } from '../durable_file.ts';
import { makePrivateFolder } from '../private_files.ts';

/**
 * The id that a lease server keeps for all daemons that use it, as this home has learned it. Addresses are no such id:
 * machines may reach one server by different ones.
 */

const MAX_BYTES = 1000;
/** Of a random UUID. */
const ID = /^[\da-f-]{36}$/;
const schema = z.strictObject({ server: z.string(), id: z.string().regex(ID) });

/** @returns null when this home has not learned the id of the server at this address */
export function knownLeaseId(home: string, url: string): string | null {
  try {
    const text = MACHINE_FILES.read(pathIn(home), { maxBytes: MAX_BYTES, followsLinks: true }).toString('utf8');
    const { server, id } = schema.parse(JSON.parse(text));
    return server === hashOf(url) ? id : null;
  } catch {
    return null;
  }
}

/** @param id as the server gave it @returns whether it is one */
export function keepLeaseId(home: string, url: string, id: string): boolean {
  if (!ID.test(id)) return false;
  if (knownLeaseId(home, url) === id) return true;
  makePrivateFolder(home);
  replaceDurably(MACHINE_FILES, pathIn(home), `${JSON.stringify({ server: hashOf(url), id })}\n`);
  return true;
}

function pathIn(home: string): string {
  return join(home, 'lease_id.json');
}

/** The address may hold a password. */
function hashOf(url: string): string {
  return createHash('sha256').update(url).digest('hex');
}
