import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from './postgres_server.fixture.ts';
import { openStore } from './store.ts';

let server: PostgresServer | null;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

const failureOf = (url: string): Promise<unknown> =>
  openStore(url).then(
    (store) => store.close(),
    (error: unknown) => error,
  );

describe.skipIf(POSTGRES_NOTE !== '')(`a PostgreSQL that cannot be the store${POSTGRES_NOTE}`, () => {
  it('is refused before its first table when its texts are not Unicode', async () => {
    const url = await server!.createDatabase();
    const client = new pg.Client(url);
    await client.connect();
    const made = "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    await client.query(made);
    await client.end();
    expect(await failureOf(new URL('/latin', url).href)).toMatchObject({
      code: 'STORE_UNUSABLE',
      message: expect.stringContaining('encoding is LATIN1') as string,
      next: expect.stringContaining("ENCODING 'UTF8'") as string,
    });
  });

  it('names the step of its cause: a database that is missing, a # in the address', async () => {
    const url = await server!.createDatabase();
    expect(await failureOf(new URL('/nowhere', url).href)).toMatchObject({
      code: 'STORE_UNUSABLE',
      next: expect.stringContaining('createdb') as string,
    });
    const hashed = url.replace('postgres://', 'postgres://me:se#cret@').replace('@postgres@', '@');
    const error = (await failureOf(hashed)) as Error;
    expect(error).toMatchObject({ code: 'STORE_UNUSABLE', next: expect.stringContaining('%23') as string });
    expect(error.message).not.toContain('cret');
  });
});
