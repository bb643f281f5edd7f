import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { knownError } from '../../shared/errors.ts';
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

async function queried(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe.skipIf(POSTGRES_NOTE !== '')(`a PostgreSQL that cannot be the store${POSTGRES_NOTE}`, () => {
  it('is refused before its first table when its texts are not Unicode', async () => {
    const url = await server!.createDatabase();
    const made = "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    await queried(url, made);
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

  it('is told by the next step where the server ends what takes long', async () => {
    const url = await server!.createDatabase();
    await queried(url, "CREATE ROLE hasty LOGIN SUPERUSER; ALTER ROLE hasty SET statement_timeout = '1ms'");
    const hasty = new URL(url);
    hasty.username = 'hasty';
    const error = knownError(await failureOf(hasty.href));
    expect(error).toMatchObject({
      code: 'STORE_UNUSABLE',
      next: expect.stringContaining('statement_timeout = 0') as string,
    });
    await queried(url, 'ALTER ROLE hasty SET statement_timeout = 0');
    expect(await failureOf(hasty.href)).toBeUndefined();
  });

  it('is told by the next step where nobody known has signed its certificate, and the step helps', async () => {
    const url = await server!.createDatabase();
    const [{ data_directory: data }] = (await queried(url, 'SHOW data_directory')) as [{ data_directory: string }];
    const [key, certificate] = [join(data, 'server.key'), join(data, 'server.crt')];
    const self = ['req', '-new', '-x509', '-days', '3', '-nodes', '-keyout', key, '-out', certificate];
    const name = ['-subj', '/CN=db.internal', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', [...self, ...name], { stdio: 'ignore' });
    const { uid, gid } = statSync(data);
    for (const path of [key, certificate]) chownSync(path, uid, gid);
    chmodSync(key, 0o600);
    await queried(url, 'ALTER SYSTEM SET ssl = on');
    await server!.restart();
    const withMode = (mode: string): string => `${url}?${mode}`;
    expect(await failureOf(withMode('sslmode=require'))).toMatchObject({
      code: 'STORE_UNUSABLE',
      next: expect.stringMatching(/sslrootcert=<file>.*sslmode=no-verify/) as string,
    });
    expect(await failureOf(withMode('sslmode=no-verify'))).toBeUndefined();
    expect(await failureOf(withMode(`sslmode=require&sslrootcert=${certificate}`))).toBeUndefined();
    const elsewhere = withMode(`sslmode=require&sslrootcert=${certificate}`).replace('127.0.0.1', 'localhost');
    expect(await failureOf(elsewhere)).toMatchObject({ next: expect.stringContaining('another name') as string });
  });
});
