import { effect, signal } from '@preact/signals';

export type Theme = 'dark' | 'light';
const KEPT = 'minutehand.theme';

export const theme = signal<Theme>(first());

function first(): Theme {
  const kept = localStorage.getItem(KEPT);
  if (kept === 'dark' || kept === 'light') return kept;
  return matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
}

export function setTheme(chosen: Theme): void {
  theme.value = chosen;
  localStorage.setItem(KEPT, chosen);
}

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
});

/** Value of a CSS custom property in the current theme. */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
