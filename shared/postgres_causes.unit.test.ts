import { expect, it } from 'vitest';
import { knownError } from './errors.ts';
import { encodingProblem, postgresNext, urlProblem } from './postgres_causes.ts';

const failed = (code: string): Error => Object.assign(new Error('it failed'), { code });

it.each([
  ['28P01', /password.*%23/],
  ['3D000', /createdb/],
  ['42501', /GRANT CREATE/],
  ['53300', /max_connections/],
  ['57014', /statement_timeout/],
  ['22P05', /UTF8/],
  ['25006', /primary/],
  ['57P03', /MINUTEHAND_DATABASE_URL and the server/],
])('a query that fails with %s has the next step of its cause', (code, next) => {
  expect(knownError(failed(code))).toMatchObject({ code: 'STORE_UNUSABLE' });
  expect(knownError(failed(code))!.next).toMatch(next);
});

it.each(['42601', '42P01', '23505', '22003'])('%s is a defect', (code) => {
  expect(knownError(failed(code))).toBeNull();
});

it('certificates and addresses have steps of their own', () => {
  expect(postgresNext('DEPTH_ZERO_SELF_SIGNED_CERT')).toContain('sslrootcert');
  expect(postgresNext('ERR_INVALID_URL')).toContain('%23');
  expect(postgresNext('ECONNREFUSED')).toBeUndefined();
  expect(urlProblem('postgres://me:pa#ss@host/db')!.next).toContain('%23');
  expect(urlProblem('postgres://me:pa%23ss@host/db')).toBeNull();
  expect([encodingProblem('UTF8'), encodingProblem('LATIN1')?.seen]).toEqual([
    null,
    'the database’s encoding is LATIN1',
  ]);
});
