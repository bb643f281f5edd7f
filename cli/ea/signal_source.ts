/** A way on which signals come. */
export interface SignalSource {
  /** In words, for people: `files in …`, `Redis up`. */
  state(): string;
  stop(): Promise<void>;
}

/**
 * Called with every received text, whole and in order of arrival.
 * @param pairId of the folder, channel or key that it came from; absent where signals of all followed pairs come
 */
export type OnText = (text: string, pairId?: string) => void;
