import { MinutehandError } from '../shared/errors.ts';
import { ENSEMBLES, LEAGUE_ENTRANTS, TRAIN_ENGINES, VOTERS, type TrainEngine } from '../shared/policy/engines.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { ensemblePolicy, type EnsemblePolicy } from '../shared/policy/schema.ts';

/** Value of `--members`, for help. */
export const MEMBERS_HELP = `members of the engine ${ENSEMBLES.join(', ')}: of ${VOTERS.join(', ')}, those of league also of other engines (default: train.vote_members, train.bagging, train.stacking, train.league)`;

/**
 * An engine of `--engine`; null: the configured one.
 * @throws MinutehandError USAGE
 */
export function parseEngine(name: string | undefined): TrainEngine | null {
  if (name === undefined) return null;
  const found = TRAIN_ENGINES.find((engine) => engine === name);
  if (found !== undefined) return found;
  throw new MinutehandError('USAGE', { seen: `--engine ${name}`, expected: TRAIN_ENGINES.join(', ') });
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
    league: { league: { ...train.league, entrants: members } },
  };
  const ensemble = ensembles[trained];
  if (ensemble === undefined)
    throw new MinutehandError('USAGE', {
      seen: `--members with the engine ${trained}`,
      expected: `--engine ${ENSEMBLES.join(', ')}`,
    });
  const { data, error } = ensemblePolicy.safeParse(ensemble);
  if (data !== undefined) return data;
  throw new MinutehandError('USAGE', {
    seen: `--members ${text}: ${error?.issues[0]?.message}`,
    expected:
      trained === 'league'
        ? `two or more of ${LEAGUE_ENTRANTS.join(', ')}, each once`
        : `two to five of ${VOTERS.join(', ')}, each once`,
  });
}
