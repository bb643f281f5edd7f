import { actorName } from '../shared/process/actor.ts';
import { Option } from 'commander';
import { MinutehandError } from '../shared/errors.ts';
import type { Override } from '../shared/bundle/admission/admission.ts';
import { overrideReason, READABLE_REASON } from '../shared/bundle/admission/override_reason.ts';

export interface OverrideFlags {
  readonly despiteGates?: boolean;
  readonly reason?: string;
}

export function despiteGatesOption(): Option {
  return new Option(
    '--despite-gates',
    'although gates failed; with --reason. Recorded, and shown on every page and in `status` until another bundle replaces it',
  );
}

export function reasonOption(): Option {
  return new Option('--reason <text>', 'with --despite-gates: why');
}

/** @returns null without --despite-gates. @throws MinutehandError USAGE */
export function overrideOf({ despiteGates = false, reason = '' }: OverrideFlags): Override | null {
  const given = reason.trim();
  if (despiteGates !== (given !== ''))
    throw new MinutehandError('USAGE', {
      seen: despiteGates ? '--despite-gates without --reason' : '--reason without --despite-gates',
      expected: '--despite-gates --reason <text>',
    });
  if (!despiteGates) return null;
  const checked = overrideReason(given);
  if ('wrong' in checked) throw new MinutehandError('USAGE', { seen: checked.wrong, expected: READABLE_REASON });
  return { reason: checked.reason, by: actorName() };
}
