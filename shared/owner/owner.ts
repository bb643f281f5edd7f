import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makePrivateFolder } from '../private_files.ts';
import type { HomePaths } from '../home.ts';
import type { Settings } from '../policy/policy.ts';
import { knownLeaseId } from './lease_id.ts';

/** Names the installation that publishes into an exchange folder or a Redis. */
export interface Owner {
  /**
   * Equal for all that may publish into the same place; without blanks. null = not known before the lease server has
   * answered for the first time.
   */
  readonly id: string | null;
  /** For a person: `live market, home /var/lib/minutehand on host a`. */
  readonly where: string;
}

/** A claim that is not renewed for this long is free. */
export const CLAIM_MS = 30_000;

/**
 * The shards of a home are one owner for each market; so are daemons of one lease server, of which one publishes at a
 * time, on whatever machine.
 */
export function ownerOf({ minutehand }: Pick<Settings, 'minutehand'>, { home }: Pick<HomePaths, 'home'>): Owner {
  const { market, lease } = minutehand;
  const where = `${market} market, home ${home} on host ${hostname()}`;
  const { url } = lease;
  if (url !== null)
    return {
      where,
      get id() {
        const server = knownLeaseId(home, url);
        return server === null ? null : `${market}:lease:${server}`;
      },
    };
  return { id: `${market}:${installationOf(home)}`, where };
}

/** A home on a machine. A copy of the home on another machine is another installation. */
export function installationOf(home: string): string {
  return `${homeId(home)}@${hostname()}`;
}

/** Random, made with the home. A copy of the home on another machine is told apart by its host. */
export function homeId(home: string): string {
  const path = join(home, 'home_id');
  try {
    makePrivateFolder(home);
    writeFileSync(path, `${randomUUID()}\n`, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(path, 'utf8').trim();
}

/** The process ids of two containers with one host name are not comparable. @returns empty where there are none */
export function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
