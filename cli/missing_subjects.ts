import { endPartly, type Output } from './output.ts';

interface Subjects {
  /** As an option named them; undefined: those that have bars were asked for. */
  readonly asked: readonly string[] | undefined;
  /** All that could have been done without an option: the configured ones. */
  readonly possible: readonly string[];
  readonly done: readonly string[];
  /** Why one is missing: `no bars of this period`. */
  readonly reason: string;
}

/** Subjects of `asked`, or of all possible ones, that are not among the done ones. */
export function missingSubjects({ asked, possible, done }: Omit<Subjects, 'reason'>): string[] {
  const known = new Set(done);
  return (asked ?? possible).filter((subject) => !known.has(subject));
}

/**
 * Says on standard error what is missing. Where an option had named it, the command ends as partly done; where all that
 * have bars were asked for, it is a remark.
 */
export function endWithMissing(subjects: Subjects, output: Pick<Output, 'note' | 'missing'>): void {
  const missing = missingSubjects(subjects);
  if (missing.length === 0) return;
  const text = `${missing.join(', ')}: ${subjects.reason}`;
  if (subjects.asked === undefined) output.note(`Left out: ${text}`);
  else endPartly([text], true, output);
}
