import pg from 'pg';
import type { Socket } from 'node:net';
import { watchAddress } from '../../shared/moved_address.ts';
import type { LeaseRecord, LeaseRequest } from './lease.ts';
import type { LeaseAddress, LeaseStore } from './lease_store.ts';

const TABLE = `CREATE TABLE IF NOT EXISTS minutehand_lease
  (name text PRIMARY KEY, holder text NOT NULL, fence bigint NOT NULL, beat bigint NOT NULL)`;
const LOOK = 'SELECT holder, fence, beat FROM minutehand_lease WHERE name = $1';
/** The row of the server, whose name is none of a lease: those have a colon. */
const SERVER = 'server';
const OFFER = 'INSERT INTO minutehand_lease VALUES ($1, $2, 0, 0) ON CONFLICT (name) DO NOTHING';
const CLOCK = 'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms';
const RENEW = 'UPDATE minutehand_lease SET beat = beat + 1 WHERE name = $1 AND holder = $2 AND fence = $3';
const RELEASE = "UPDATE minutehand_lease SET holder = '' WHERE name = $1 AND holder = $2 AND fence = $3";
const RAISE = 'UPDATE minutehand_lease SET fence = $3::bigint + 1 WHERE name = $1 AND fence = $2';
/** The fence is at least the server's time, so that it rises too when the server lost its data. */
const TAKE = `INSERT INTO minutehand_lease AS row
  SELECT $1, $2, greatest($5::bigint + 1, $3::bigint + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint),
    $4::bigint + 1
  ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, beat = excluded.beat
  WHERE row.fence = $3 AND row.beat = $4`;

/** @throws MinutehandError CONFIG_INVALID */
export function openPostgresLease(address: LeaseAddress): LeaseStore {
  return new PostgresLease(address);
}

class PostgresLease implements LeaseStore {
  readonly #address: LeaseAddress;
  readonly #listeners: (() => void)[] = [];
  #client: pg.Client | null = null;
  #connecting: Promise<pg.Client> | null = null;
  #isClosed = false;
  #endWatch: () => void = () => undefined;

  constructor(address: LeaseAddress) {
    this.#address = address;
  }

  async exchange(request: LeaseRequest): Promise<LeaseRecord> {
    const client = this.#client ?? (await (this.#connecting ??= this.#connect()));
    const { name, holder } = this.#address;
    switch (request.kind) {
      case 'look':
        break;
      case 'renew':
      case 'release':
        await client.query(request.kind === 'renew' ? RENEW : RELEASE, [name, holder, request.fence]);
        break;
      case 'raise':
        await client.query(RAISE, [name, request.fence, request.floor]);
        break;
      case 'take':
        await client.query(TAKE, [name, holder, request.seen.fence, request.seen.beat, request.floor]);
    }
    const { rows } = await client.query<Record<keyof LeaseRecord, string>>(LOOK, [name]);
    const row = rows[0];
    return { holder: row?.holder ?? '', fence: Number(row?.fence ?? 0), beat: Number(row?.beat ?? 0) };
  }

  async serverId(offered: string): Promise<string> {
    const client = this.#client ?? (await (this.#connecting ??= this.#connect()));
    await client.query(OFFER, [SERVER, offered]);
    const { rows } = await client.query<{ holder: string }>(LOOK, [SERVER]);
    return rows[0]!.holder;
  }

  async clockMs(): Promise<number> {
    if (this.#client === null) throw new Error('not connected');
    const { rows } = await this.#client.query<{ ms: string }>(CLOCK);
    return Number(rows[0]!.ms);
  }

  onLost(listener: () => void): void {
    this.#listeners.push(listener);
  }

  reset(): void {
    const client = this.#client;
    this.#client = null;
    this.#endWatch();
    if (client === null) return;
    destroy(client);
    for (const listener of this.#listeners) listener();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.reset();
    return Promise.resolve();
  }

  async #connect(): Promise<pg.Client> {
    const client = this.#newClient();
    try {
      await client.connect();
      await client.query(TABLE).catch((error: unknown) => {
        // Two that create it at the same time.
        if ((error as { code?: string }).code !== '23505') throw error;
      });
      if (this.#isClosed) throw new Error('closed');
      this.#endWatch = watchAddress({
        host: client.host,
        socket: () => (this.#client === null ? null : socketOf(this.#client)),
        leave: () => this.reset(),
      });
      return (this.#client = client);
    } catch (error) {
      destroy(client);
      throw error;
    } finally {
      this.#connecting = null;
    }
  }

  #newClient(): pg.Client {
    const { url, timeoutMs } = this.#address;
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: Math.max(1000, timeoutMs),
      query_timeout: Math.max(1000, timeoutMs),
      application_name: 'minutehand-lease',
      keepAlive: true,
    });
    const lose = (): void => {
      if (this.#client === client) this.reset();
    };
    client.on('error', lose);
    client.on('end', lose);
    return client;
  }
}

/** `end` waits for a server that may be gone. */
function destroy(client: pg.Client): void {
  socketOf(client).destroy();
}

function socketOf(client: pg.Client): Socket {
  return (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;
}

/** Removes a row. */
export async function forgetLease(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000, query_timeout: 1000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('DELETE FROM minutehand_lease WHERE name = $1', [name]);
  } finally {
    destroy(client);
  }
}
