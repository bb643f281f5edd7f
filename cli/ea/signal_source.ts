/** A way on which signals come. */
export interface SignalSource {
  /** In words, for people: `files in …`, `Redis up`. */
  state(): string;
  stop(): Promise<void>;
}

/** Told of every text that comes, whole and in the order in which it came. */
export type Hear = (text: string) => void;
