/** The trainer's API for the bench's daemon: the same settings and home, without training. */
import { readFileSync } from 'node:fs';
import pino from 'pino';
import { homePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { createToken } from '../../trainer/control/api/access/tokens.ts';
import { startTrainer } from '../../trainer/main.ts';
import { openStore } from '../../trainer/store/store.ts';
import type { DaemonArgument } from './field.ts';

const { settingsPath, home } = JSON.parse(process.argv[2]!) as DaemonArgument;
const paths = homePaths({ MINUTEHAND_HOME: home });
const nowMs = Date.now();
const store = await openStore(paths.trainer);
const { token } = await createToken(store.db, { name: 'bench', role: 'viewer', nowMs, expiresMs: nowMs + 3_600_000 });
await store.close();

const trainer = await startTrainer({
  settings: JSON.parse(readFileSync(settingsPath, 'utf8')) as Settings,
  paths,
  log: pino({ level: 'silent' }),
  command: [process.execPath, '-e', '', '--'],
  print: () => undefined,
});
const stop = (): void => void trainer.stop().finally(() => process.exit());
process.on('SIGTERM', stop);
process.on('disconnect', stop);
process.send!({ port: trainer.port, token });
