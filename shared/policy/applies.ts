/** When an approved value takes effect. */
export const APPLIES = {
  next_bar: 'by the daemon between two bars, and by the trainer',
  trainer: 'by the trainer, as soon as no training is in progress',
  restart: 'at the next start of the daemon: a running one cannot change it',
} as const;
export type Applies = keyof typeof APPLIES;

const OF_TRAINER = ['label', 'train', 'search'];

/** @param key as in a change, `minutehand.windows.z_window` */
export function appliesWhen(key: string): Applies {
  const [part, section] = key.split('.') as [string, string | undefined];
  if (part === 'core') return 'next_bar';
  if (part !== 'minutehand') return 'trainer';
  if (section === 'decision' || section === 'symbols') return 'next_bar';
  return OF_TRAINER.includes(section ?? '') ? 'trainer' : 'restart';
}
