import { actorName } from '../../shared/process/actor.ts';
import { Option, type Command } from 'commander';
import { readAddress, urlOf } from '../../shared/address.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { oneLine } from '../../shared/one_line.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { ROLES, type Role } from '../../trainer/control/api/access/role.ts';
import { createLogin, listSessions, revokeSession } from '../../trainer/control/api/access/sessions.ts';
import { createToken, revokeToken } from '../../trainer/control/api/access/tokens.ts';
import { openStore, storeUrl, type Store } from '../../trainer/store/store.ts';
import { durationMs, type DurationOption } from '../duration_option.ts';
import type { Output } from '../output.ts';

const EXPIRY: DurationOption = { option: '--expires', units: ['h', 'd'], example: '12h or 30d' };

interface CreateFlags {
  readonly role: Role;
  readonly name: string;
  readonly expires: string;
}

export function addToken(program: Command, output: () => Output): void {
  const token = program
    .command('token')
    .description(
      'Access to the trainer’s API and dashboard: viewer reads, operator also trains and acknowledges, approver also promotes and approves.',
    );
  const role = (byDefault: Role): Option =>
    new Option('--role <role>', 'each role includes those before it').choices(ROLES).default(byDefault);
  token
    .command('create')
    .addOption(role('viewer'))
    .option('--name <name>', 'of the person or program that uses it', actorName())
    .option('--expires <duration>', '12h, 30d', '30d')
    .description('creates a bearer token and prints it once; only its scrypt hash is stored')
    .action((flags: CreateFlags) => inStore((store) => create(store, flags, output())));
  token
    .command('list')
    .description('lists valid tokens and open sessions, with role and end')
    .action(() => inStore((store) => list(store, output())));
  token
    .command('revoke')
    .argument('<id>', 'of the list: a token or a session')
    .description('revokes a token and ends the sessions opened with it, or ends a session')
    .action((id: string) => inStore((store) => revoke(store, id, output())));
  token
    .command('link')
    .addOption(role('approver'))
    .option('--name <name>', 'of the person', actorName())
    .description('prints a one-time login link, valid for 15 minutes')
    .action((flags: { role: Role; name: string }) => inStore((store) => link(store, flags, output())));
}

/** Opens the store of this home for a piece of work. @throws MinutehandError STORE_UNUSABLE */
export async function inStore(work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

async function create(store: Store, { role, name, expires }: CreateFlags, output: Output): Promise<void> {
  const nowMs = MACHINE_CLOCK.nowMs();
  const expiresMs = nowMs + durationMs(expires, EXPIRY);
  const { id, token } = await createToken(store.db, { name, role, nowMs, expiresMs });
  output.written({ target: id, after: { name, role, expires: new Date(expiresMs).toISOString() } });
  output.line(token);
  output.note(
    `Token ${id} of ${oneLine(name)}, ${role}, until ${new Date(expiresMs).toISOString()}. It is not shown again.`,
  );
  output.result({ id, token, name, role, expires: new Date(expiresMs).toISOString() });
}

async function list(store: Store, output: Output): Promise<void> {
  const rows = await store.db
    .selectFrom('core.api_tokens')
    .select(['token_id', 'name', 'role', 'created_ms', 'expires_ms'])
    .where('revoked_ms', 'is', null)
    .where('expires_ms', '>', MACHINE_CLOCK.nowMs())
    .orderBy('created_ms')
    .execute();
  const tokens = rows.map(({ token_id, name, role, created_ms, expires_ms }) => ({
    id: token_id,
    name,
    role,
    created: new Date(created_ms).toISOString(),
    expires: new Date(expires_ms).toISOString(),
  }));
  if (tokens.length === 0) output.line('No valid tokens.');
  for (const { id, name, role, expires } of tokens)
    output.line(`${id}  ${role.padEnd(8)}  until ${expires}  ${oneLine(name)}`);
  const sessions = (await listSessions(store.db, null, MACHINE_CLOCK.nowMs())).map(
    ({ session_id, name, role, token_id, created_ms, expires_ms }) => ({
      id: session_id,
      name,
      role,
      token: token_id,
      created: new Date(created_ms).toISOString(),
      expires: new Date(expires_ms).toISOString(),
    }),
  );
  if (sessions.length > 0) output.line('Sessions:');
  for (const { id, name, role, token, expires } of sessions)
    output.line(
      `${id}  ${role.padEnd(8)}  until ${expires}  ${oneLine(name)}, ${token === null ? 'by link' : `by token ${token}`}`,
    );
  output.result({ tokens, sessions });
}

async function revoke(store: Store, id: string, output: Output): Promise<void> {
  const nowMs = MACHINE_CLOCK.nowMs();
  if ((await revokeSession(store.db, id, null, nowMs)) !== null) {
    output.written({ action: 'session end', target: id });
    output.line(`Session ${id} has ended.`);
    output.result({ id });
    return;
  }
  if (!(await revokeToken(store.db, id, nowMs))) throw new MinutehandError('TOKEN_UNKNOWN', { seen: id });
  output.written({ target: id });
  output.line(`Token ${id} is revoked.`);
  output.result({ id });
}

async function link(store: Store, { role, name }: { role: Role; name: string }, output: Output): Promise<void> {
  const { host, port } = loadSettings().minutehand.transports.trainer;
  const address = readAddress(homePaths().address('trainer')) ?? { host, port };
  const url = await loginLink(store, address, { role, name });
  output.written({ target: name, after: { role } });
  output.line(url);
  output.result({ url, name, role });
}

/** A login link of a trainer. */
export async function loginLink(
  store: Store,
  address: { readonly host: string; readonly port: number },
  { role, name }: { readonly role: Role; readonly name: string },
): Promise<string> {
  const code = await createLogin(store.db, { name, role, nowMs: MACHINE_CLOCK.nowMs() });
  return `${urlOf(address)}/login?code=${code}`;
}
