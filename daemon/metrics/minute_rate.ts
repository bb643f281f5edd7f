const SECONDS = 60;

/** Number of events in the last minute, to the second. */
export interface MinuteRate {
  add(count: number, nowMs: number): void;
  perMinute(nowMs: number): number;
}

export function createMinuteRate(): MinuteRate {
  const counts = new Float64Array(SECONDS);
  /** The second that a slot counts. */
  const seconds = new Float64Array(SECONDS).fill(-Infinity);
  return {
    add(count, nowMs) {
      const second = Math.floor(nowMs / 1000);
      const slot = second % SECONDS;
      if (seconds[slot] !== second) counts[slot] = 0;
      seconds[slot] = second;
      counts[slot]! += count;
    },
    perMinute(nowMs) {
      const now = Math.floor(nowMs / 1000);
      let sum = 0;
      for (let slot = 0; slot < SECONDS; slot++) {
        const age = now - seconds[slot]!;
        if (age >= 0 && age < SECONDS) sum += counts[slot]!;
      }
      return sum;
    },
  };
}
