/** A way on which signals come. */
export interface SignalSource {
  /** In words, for people: `files in …`, `Redis up`. */
  state(): string;
  stop(): Promise<void>;
}

/** Called with every received text, whole and in order of arrival. */
export type OnText = (text: string) => void;
