import { Option } from 'commander';
import { MinutehandError } from '../shared/errors.ts';
import { DEVICES, ENSEMBLES, TRAIN_ENGINES, VOTERS, type TrainEngine } from '../shared/policy/engines.ts';
import { unknownName } from './named_option.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { ensemblePolicy, type EnsemblePolicy } from '../shared/policy/schema.ts';

/** Value of `--members`, for help. */
export const MEMBERS_HELP = `members of the engine ${ENSEMBLES.join(', ')}: of ${VOTERS.join(', ')} (default: train.vote_members, train.bagging, train.stacking)`;

/** Where it is learned. */
export function deviceOption(): Option {
  return new Option(
    '--device <name>',
    'gpu: lightgbm, xgboost and the networks learn on the GPU (default: train.device, else cpu)',
  ).choices(DEVICES);
}

/**
 * An engine of `--engine`; null: the configured one.
 * @throws MinutehandError USAGE
 */
export function parseEngine(name: string | undefined): TrainEngine | null {
  if (name === undefined) return null;
  const found = TRAIN_ENGINES.find((engine) => engine === name);
  if (found !== undefined) return found;
  throw unknownName('--engine', name, TRAIN_ENGINES);
}

/**
 * The members of the ensemble that is trained; the other figures of that are the configured ones.
 * @param trained the engine
 * @throws MinutehandError USAGE
 */
export function parseMembers(text: string, trained: TrainEngine, { minutehand: { train } }: Settings): EnsemblePolicy {
  const members = text.split(',').map((name) => name.trim());
  const { base: _base, mixed: _mixed, ...bagging } = train.bagging ?? {};
  const ensembles: Partial<Record<TrainEngine, unknown>> = {
    vote: { vote_members: members },
    bagging: { bagging: { ...bagging, ...(members.length === 1 ? { base: members[0] } : { mixed: members }) } },
    stacking: { stacking: { ...train.stacking, members } },
  };
  const ensemble = ensembles[trained];
  if (ensemble === undefined)
    throw new MinutehandError('USAGE', {
      seen: `--members with the engine ${trained}`,
      expected: `--engine ${ENSEMBLES.join(', ')}`,
    });
  const names: readonly string[] = VOTERS;
  const unknown = members.find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownName('--members', unknown, names);
  const { data } = ensemblePolicy.safeParse(ensemble);
  if (data !== undefined) return data;
  throw new MinutehandError('USAGE', {
    seen: `--members ${text}`,
    expected: `two to five of ${names.join(', ')}, each once`,
  });
}
