import type { Money } from '../../shared/fill/money.ts';
import { priceDigits } from './charts/price_digits.ts';
import { language } from './text/text.ts';

const NONE = '–';

export function num(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const text = Math.abs(value).toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  // What is rounded to zero has no sign.
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

export function signed(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  return `${value < 0 ? '−' : '+'}${num(Math.abs(value), digits)}`;
}

/** Five significant digits, for values of any magnitude. */
export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-3 ? size.toExponential(2) : String(Number(size.toPrecision(5)));
  return value < 0 ? `−${text}` : text;
}

/** With the decimals of its tick, or of its magnitude. */
export function price(value: number | null | undefined): string {
  return num(value, priceDigits([value]));
}

export function basisPoints(value: number | null | undefined): string {
  const text = num(value);
  return text === NONE ? NONE : `${text} bp`;
}

export function percent(share: number, digits = 0): string {
  return `${num(100 * share, digits)} %`;
}

export function microseconds(value: number | null): string {
  if (value === null) return NONE;
  return value < 1000 ? `${Math.round(value)} µs` : `${num(value / 1000, value < 10_000 ? 2 : 1)} ms`;
}

const UNITS = {
  en: { s: 's', m: 'min', h: 'h', d: 'd' },
  ja: { s: '秒', m: '分', h: '時間', d: '日' },
} as const;

/** In the largest unit that fits; two units for hours and days. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return NONE;
  const { s, m, h, d } = UNITS[language.value];
  const gap = language.value === 'ja' ? '' : ' ';
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}${gap}${s}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}${gap}${m}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}${gap}${h}${gap}${minutes % 60}${gap}${m}`;
  return `${Math.floor(hours / 24)}${gap}${d}`;
}

/** `2026-11-20 12:35`, UTC. */
export function minuteOf(time: string | number | null | undefined): string {
  if (time === null || time === undefined || time === '') return NONE;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString().slice(0, 16).replace('T', ' ');
}

/** `+5.00 USD`, and each currency where there are several. */
export function moneyText(money: Money): string {
  return Object.entries(money)
    .map(([currency, sum]) => `${signed(sum)} ${currency}`)
    .join(', ');
}
