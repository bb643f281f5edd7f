let change: number | null = null;

/** Called where settings are loaded. @param changeId of the approved change that is in effect; null: the files are */
export function noteApproved(changeId: number | null): void {
  change = changeId;
}

/** A next step that has an effect: since a change of the configuration was approved, an edit of its files has none. */
export function effectiveAdvice(next: string): string {
  if (change === null || !next.includes('minutehand.yaml') || next.includes('policy propose')) return next;
  return `${next} Change ${change} is in effect in place of that file: \`minutehand policy propose minutehand.<key>=<value>\`, then restart.`;
}
