/** Plots as SVG text without external resources; colors come from the page's style sheet (`.s0` … `.s3`). */

const WIDTH = 720;
const HEIGHT = 280;
const LEFT = 62;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 28;
/** A quarter of the maximum points per line: more than a screen can show. */
const CELLS = 600;

export interface Line {
  readonly name: string;
  /** Ascending in x. */
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

export interface Axes {
  readonly xText: (x: number) => string;
  readonly yText: (y: number) => string;
  /** Range that the axis must include. */
  readonly xRange?: readonly [number, number];
  /** Distance that one place alone is apart from its neighbors; absent: as large as its value, as of a figure. */
  readonly xStep?: number;
  readonly yRange?: readonly [number, number];
}

/** Lines over a common x axis, each with its name. */
export function lineChart(title: string, lines: readonly Line[], axes: Axes): string {
  const frame = createFrame(
    range(
      [...lines.flatMap(({ x }) => (x.length === 0 ? [] : [x[0]!, x[x.length - 1]!])), ...(axes.xRange ?? [])],
      axes.xStep,
    ),
    range([...lines.flatMap(({ y }) => extremes(y)), ...(axes.yRange ?? [])]),
  );
  const paths = lines.map((line, i) => {
    const points = thin(line).map(([x, y]) => `${round(frame.x(x))} ${round(frame.y(y))}`);
    return points.length === 0 ? '' : `<path class="line s${i}" d="M${points.join('L')}"/>`;
  });
  return figure(title, HEIGHT, `${grid(frame, axes)}${paths.join('')}`, legend(lines.map(({ name }) => name)));
}

/** Vertical bars from zero over a common x axis, those of the lines side by side. */
export function columnChart(title: string, lines: readonly Line[], axes: Axes): string {
  const places = lines.flatMap(({ x }) => Array.from(x));
  const [from, to] = range(places, axes.xStep);
  const count = Math.max(1, ...lines.map(({ x }) => x.length));
  // One place alone has the room of its step already.
  const half = count === 1 ? 0 : (to - from) / (2 * (count - 1));
  const frame = createFrame([from - half, to + half], range([0, ...lines.flatMap(({ y }) => extremes(y))]));
  const slot = (count === 1 ? frame.x(to) - frame.x(from) : frame.x(from + half) - frame.x(from - half)) * 0.9;
  const wide = Math.max(0.5, slot / lines.length);
  const bars = lines.map(({ x, y }, i) =>
    Array.from(x, (place, k) => {
      const left = frame.x(place) - slot / 2 + i * wide;
      const top = frame.y(Math.max(0, y[k]!));
      const bottom = frame.y(Math.min(0, y[k]!));
      return `<rect class="bar s${i}" x="${round(left)}" y="${round(top)}" width="${round(wide)}" height="${round(bottom - top)}"/>`;
    }).join(''),
  );
  const below = lines.length === 1 ? '' : legend(lines.map(({ name }) => name));
  return figure(title, HEIGHT, `${grid(frame, axes)}${bars.join('')}`, below);
}

export interface Bars {
  readonly label: string;
  /** null: no value, such as the mean of no trades. */
  readonly values: readonly (number | null)[];
}

/** Groups of horizontal bars, from zero to the left or right; `names` are the bars of a group. */
export function barChart(
  title: string,
  names: readonly string[],
  groups: readonly Bars[],
  text: (value: number) => string,
): string {
  const thick = 11;
  const pitch = names.length * thick + 8;
  const height = TOP + groups.length * pitch + 4;
  const left = 130;
  const [low, high] = range([0, ...groups.flatMap(({ values }) => values.filter((value) => value !== null))]);
  const room = WIDTH - left - RIGHT - 2 * 64;
  const at = (value: number): number => left + 64 + ((value - low) / (high - low)) * room;
  const rows = groups.map(({ label, values }, g) => {
    const top = TOP + g * pitch;
    const name = `<text x="0" y="${top + 10}">${escapeHtml(label)}</text>`;
    if (values.every((value) => value === null))
      return `${name}<text class="small" x="${round(at(0) + 4)}" y="${top + 10}">no trades</text>`;
    const bars = values.map((value, i) => {
      if (value === null) return '';
      const from = Math.min(at(0), at(value));
      const y = top + i * thick;
      const end = value < 0 ? `x="${round(from - 4)}" text-anchor="end"` : `x="${round(at(value) + 4)}"`;
      return (
        `<rect class="bar s${i}" x="${round(from)}" y="${y}" width="${round(Math.abs(at(value) - at(0)))}" height="${thick - 1}"/>` +
        `<text class="small" ${end} y="${y + 9}">${escapeHtml(text(value))}</text>`
      );
    });
    return `${name}${bars.join('')}`;
  });
  const zero = `<line class="axis" x1="${round(at(0))}" x2="${round(at(0))}" y1="${TOP - 4}" y2="${height}"/>`;
  return figure(title, height, rows.join('') + zero, legend(names));
}

/** Counts of values in about forty cells of equal width; the outermost cells include values beyond them. */
export function histogram(title: string, values: readonly number[], xText: (x: number) => string): string {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return figure(title, 60, '<text x="0" y="30">No trades.</text>', '');
  const cells = 40;
  const low = Math.min(0, sorted[Math.floor(0.005 * (sorted.length - 1))]!);
  const high = Math.max(0, sorted[Math.ceil(0.995 * (sorted.length - 1))]!);
  const width = (high - low || 1) / cells;
  const counts = new Array<number>(cells).fill(0);
  for (const value of sorted) counts[Math.min(cells - 1, Math.max(0, Math.floor((value - low) / width)))]!++;
  const frame = createFrame([low, low + cells * width], [0, Math.max(...counts)]);
  const bars = counts.map((count, cell) => {
    const x = frame.x(low + cell * width);
    const side = low + (cell + 0.5) * width < 0 ? 's1' : 's0';
    const wide = frame.x(low + (cell + 1) * width) - x;
    return `<rect class="bar ${side}" x="${round(x + 0.5)}" y="${round(frame.y(count))}" width="${round(wide - 1)}" height="${round(frame.y(0) - frame.y(count))}"/>`;
  });
  return figure(
    title,
    HEIGHT,
    grid(frame, { xText, yText: (count) => (Number.isInteger(count) ? String(count) : '') }) + bars.join(''),
    '',
  );
}

interface Frame {
  x(value: number): number;
  y(value: number): number;
  readonly xRange: readonly [number, number];
  readonly yRange: readonly [number, number];
}

function createFrame(xRange: readonly [number, number], yRange: readonly [number, number]): Frame {
  const [x0, x1] = xRange;
  const [y0, y1] = yRange;
  return {
    xRange,
    yRange,
    x: (value) => LEFT + ((value - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT),
    y: (value) => HEIGHT - BOTTOM - ((value - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM),
  };
}

/** Minimum and maximum, always distinct. @param step room of a single value */
function range(values: readonly number[], step?: number): readonly [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = extremes(values) as [number, number];
  if (low < high) return [low, high];
  const half = (step ?? (Math.abs(low) || 1)) / 2;
  return [low - half, low + half];
}

function extremes(values: ArrayLike<number>): number[] {
  if (values.length === 0) return [];
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return [low, high];
}

/**
 * Keeps the first, lowest, highest and last point of each cell of a long line, in order, so that no extreme is lost.
 */
function thin({ x, y }: Line): (readonly [number, number])[] {
  const size = Math.max(1, Math.ceil(x.length / CELLS));
  const points: (readonly [number, number])[] = [];
  for (let from = 0; from < x.length; from += size) {
    const to = Math.min(from + size, x.length);
    let lowest = from;
    let highest = from;
    for (let i = from; i < to; i++) {
      if (y[i]! < y[lowest]!) lowest = i;
      if (y[i]! > y[highest]!) highest = i;
    }
    for (const i of [...new Set([from, lowest, highest, to - 1])].sort((a, b) => a - b)) points.push([x[i]!, y[i]!]);
  }
  return points;
}

function grid({ x, y, xRange, yRange }: Frame, { xText, yText }: Axes): string {
  const lines = ticks(yRange, 5).map(
    (value) =>
      `<line class="${value === 0 ? 'axis' : 'grid'}" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(value))}" y2="${round(y(value))}"/>` +
      `<text class="small" x="${LEFT - 6}" y="${round(y(value) + 4)}" text-anchor="end">${escapeHtml(yText(value))}</text>`,
  );
  const [from, to] = xRange;
  const marks = [0, 1, 2, 3, 4].map((i) => {
    const anchor = i === 0 ? 'start' : i === 4 ? 'end' : 'middle';
    const value = from + ((to - from) * i) / 4;
    return `<text class="small" x="${round(x(value))}" y="${HEIGHT - 8}" text-anchor="${anchor}">${escapeHtml(xText(value))}</text>`;
  });
  return lines.join('') + marks.join('');
}

/** About `count` round numbers within a range: steps of 1, 2 or 5 times a power of ten. */
export function ticks([low, high]: readonly [number, number], count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const found: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    // Adding zero turns −0, which would be shown with its sign, into 0.
    found.push(i * step + 0);
  }
  return found;
}

function legend(names: readonly string[]): string {
  return names.map((name, i) => `<span class="key s${i}">${escapeHtml(name)}</span>`).join(' ');
}

function figure(title: string, height: number, content: string, below: string): string {
  return (
    `<figure><figcaption>${escapeHtml(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(title)}">` +
    `${content}</svg><p class="legend">${below}</p></figure>`
  );
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
