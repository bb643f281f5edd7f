import type { Signal } from '@preact/signals';
import type uPlot from 'uplot';
import { zoomed, type Range } from './window.ts';

interface View {
  readonly range: () => Signal<Range | null>;
  readonly whole: () => Range;
  readonly onClick: () => void;
}

/**
 * A click pins a minute; the wheel zooms about the pointer, sideways or with shift it moves; one finger moves, two
 * zoom.
 */
export function listen(plot: uPlot, { range, whole, onClick }: View): void {
  const { over } = plot;
  over.addEventListener('click', () => plot.cursor.idx != null && onClick());
  const change = (factor: number, x: number, shift: number): void => {
    const own = range();
    own.value = zoomed(own.peek() ?? whole(), whole(), factor, plot.posToVal(x, 'x'), shift / over.clientWidth);
  };
  over.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const isMove = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      const by = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      if (isMove) change(1, event.offsetX, by);
      else change(Math.exp(event.deltaY / 500), event.offsetX, 0);
    },
    { passive: false },
  );
  /** Places of fingers. */
  const fingers = new Map<number, number>();
  const middle = (): number => [...fingers.values()].reduce((sum, x) => sum + x, 0) / fingers.size;
  const spread = (): number => Math.max(10, Math.max(...fingers.values()) - Math.min(...fingers.values()));
  over.addEventListener('pointerdown', ({ pointerType, pointerId, offsetX }) => {
    if (pointerType === 'touch') fingers.set(pointerId, offsetX);
  });
  over.addEventListener('pointermove', ({ pointerId, offsetX }) => {
    if (!fingers.has(pointerId)) return;
    const x = middle();
    const apart = spread();
    fingers.set(pointerId, offsetX);
    change(apart / spread(), middle(), x - middle());
  });
  for (const type of ['pointerup', 'pointercancel'] as const)
    over.addEventListener(type, ({ pointerId }) => void fingers.delete(pointerId));
}
