/**
 * For tests that kill a trainer: `<home> <config> <program>` runs a trainer whose training runs are `<program>`; prints
 * its port and its output.
 */
import pino from 'pino';
import { homePaths } from '../shared/home.ts';
import type { SettingsOverrides } from './tiny_models.ts';
import { tinySettings } from './tiny_models.ts';
import { startTrainer } from '../trainer/main.ts';

const [home, overrides, program] = process.argv.slice(2) as [string, string, string];
const trainer = await startTrainer({
  settings: tinySettings(JSON.parse(overrides) as SettingsOverrides),
  paths: homePaths({ MINUTEHAND_HOME: home }),
  log: pino({ level: 'silent' }),
  command: [process.execPath, program],
  print: (line) => void process.stdout.write(`${line}\n`),
});
process.stdout.write(`port ${trainer.port}\n`);
