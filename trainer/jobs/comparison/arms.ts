import type { OpenTime } from '../../../shared/bar.ts';
import { armName, type ActiveRollout } from '../../../shared/bundle/rollout.ts';
import { ARMS, type Arm } from '../../../shared/core/rollout/assignment.ts';
import type { JournalFile } from '../../../shared/store/journal.ts';

/** Answers of both arms to one minute, by the id of the subject. */
export interface ArmMinute<Answer> {
  readonly time: OpenTime;
  readonly pairs: Map<string, Partial<Record<Arm, Answer>>>;
}

/**
 * Virtual answers of both arms of a rollout in ascending time. To be called within a snapshot of the journal.
 * @param answerer of one arm in one journal, whose bodies it receives in order
 */
export function readArms<Body, Answer>(
  journals: readonly JournalFile[],
  rollout: ActiveRollout,
  from: OpenTime,
  answerer: () => (body: Body, time: OpenTime) => Answer,
): ArmMinute<Answer>[] {
  const minutes = new Map<number, ArmMinute<Answer>>();
  for (const journal of journals)
    for (const arm of ARMS) {
      const answerOfArm = answerer();
      for (const { pairId, time, body: text } of journal.shadowsOf(armName(rollout, arm), from)) {
        const body = JSON.parse(`${text}}`) as Body;
        const minute = minutes.get(time) ?? { time, pairs: new Map<string, Partial<Record<Arm, Answer>>>() };
        minutes.set(time, minute);
        const answers = minute.pairs.get(pairId) ?? {};
        answers[arm] = answerOfArm(body, time);
        minute.pairs.set(pairId, answers);
      }
    }
  return [...minutes.values()].sort((a, b) => a.time - b.time);
}
