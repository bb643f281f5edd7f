/** What must be equal on both sides for equal bits. */
export interface FleetIdentity {
  readonly version: string;
  /** Hash of the compiled program that learns. */
  readonly code: string;
  /** Major version of Node. */
  readonly node: number;
  /** As `process.arch`. */
  readonly architecture: string;
}
